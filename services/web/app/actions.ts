"use server";

import { notified, order, placeOrder, ServiceError } from "../lib/services";

export type Placed = { id: string; text: string; status: string; notified: boolean };
export type Answer = { placed: Placed } | { error: string };

/** Place an order of one piece. */
export async function place(productId: string): Promise<Answer> {
  return answered(async () => {
    const made = await placeOrder(productId, 1);
    return { id: made.id, text: `${made.quantity} × ${made.product_name}`, status: made.status, notified: false };
  });
}

/** Look how far an order has come. */
export async function look(id: string): Promise<Answer> {
  return answered(async () => {
    const [found, heard] = await Promise.all([order(id), notified(id)]);
    return { id, text: `${found.quantity} × ${found.product_name}`, status: found.status, notified: heard };
  });
}

async function answered(work: () => Promise<Placed>): Promise<Answer> {
  try {
    return { placed: await work() };
  } catch (error) {
    if (error instanceof ServiceError) return { error: error.message };
    throw error;
  }
}
