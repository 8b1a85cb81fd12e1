/** What a day of customers writes: several turns each, some languages, some trouble. */
import type { UserProfile } from "../../functions/synthetic/telegram/client.ts";

export interface Conversation {
  user: UserProfile;
  says: string[];
}

const PASTED_LOG = "ERROR payment-gateway timeout while reading response header from upstream\n".repeat(52);

const SAID: [first_name: string, says: string[]][] = [
  ["Maria", ["/start", "Hi! Where is my order 4711?", "And when does it arrive exactly?", "Thanks!"]],
  ["Oleg", ["Здравствуйте, когда придёт мой заказ?", "Хочу оформить возврат", "Спасибо 👋"]],
  ["Jürgen", ["Meine Kaffeemühle ist kaputt", "Wann kommt der Ersatz?", "Und die Rechnung, bitte: invoice 2026-11"]],
  ["Fatima", ["أين طلبي؟", "أريد استرداد المبلغ", "شكرا 🙏"]],
  ["Noa", ["שלום, where is my parcel?", "It should arrive today 😕", "Can I cancel it?"]],
  ["Liam", ["The headphones I got are broken 💔", "I want my money back", "How long does the refund take?"]],
  ["Chloé", ["/start", "I need an invoice for my taxes", "Is the receipt in English?"]],
  ["Kenji", ["My order is late", "It was to arrive on Friday", "Please cancel it then", "Is it cancelled?"]],
  ["Ana", ["Hello, this is what my screen says:\n" + PASTED_LOG, "Does it help if I try again?"]],
  ["Tom", ["it doesn't work", "the lamp. it doesn't work at all", "no, still broken", "refund please"]],
  ["Priya", ["Do you ship to India?", "And can I track it?", "Great, thanks <3"]],
  ["Zoë 👩‍🚀", [
    "Can you gift-wrap it? 🎁🎀",
    "Where do I write the message to her?",
    "& can you leave out the <price>?",
  ]],
  ["Marek", ["/start", "Where is my order?", "Where is my order??", "WHERE IS MY ORDER???"]],
];

export const CONVERSATIONS: Conversation[] = SAID.map(([first_name, says], i) => ({
  user: { id: 2001 + i, first_name },
  says,
}));
