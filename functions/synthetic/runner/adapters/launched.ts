/**
 * What an author is told whose bot starts by itself.
 *
 * @module
 */
export const LAUNCHED = "the bot's factory starts it (launch() or start()): leave that to your main program, " +
  "here the runner hands it the updates";
