/** An error that a person can act on: shown as what happened and what to do, without a stack trace. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly todo: string;

  constructor(message: string, todo: string, cause?: unknown) {
    super(message, { cause });
    this.todo = todo;
  }
}
