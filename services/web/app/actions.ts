"use server";

import { type SignedIn, signedIn } from "../lib/auth";
import { notified, order, placeOrder, ServiceError } from "../lib/services";

export type Placed = { id: string; text: string; status: string; notified: boolean };
export type Answer = { placed: Placed } | { error: string };

/** Place an order of one piece of the `product` whose button was pressed. */
export async function place(_: Answer | null, form: FormData): Promise<Answer> {
  return answered(async (user) => {
    const made = await placeOrder(user, String(form.get("product")), 1);
    return { id: made.id, text: `${made.quantity} × ${made.product_name}`, status: made.status, notified: false };
  });
}

/** Look how far an order has come. */
export async function look(id: string): Promise<Answer> {
  return answered(async (user) => {
    const [found, heard] = await Promise.all([order(user, id), notified(user, id)]);
    return { id, text: `${found.quantity} × ${found.product_name}`, status: found.status, notified: heard };
  });
}

async function answered(work: (user: SignedIn) => Promise<Placed>): Promise<Answer> {
  const { user, trouble } = await signedIn();
  if (!user) return { error: trouble ?? "you are signed out" };
  try {
    return { placed: await work(user) };
  } catch (error) {
    if (error instanceof ServiceError) return { error: error.message };
    throw error;
  }
}
