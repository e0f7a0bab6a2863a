/** The services behind this page, as the environment gives their addresses; called on the server only, as the user who is signed in. */
import "server-only";
import { type SignedIn, auth } from "./auth";

export type Product = { id: string; name: string; description: string; price_cents: number };
export type Order = {
  id: string;
  product_name: string;
  quantity: number;
  total_cents: number;
  status: "placed" | "published";
  created_at: string;
};

/** What another service answered when it was not a success. */
export class ServiceError extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

async function call<T>(user: SignedIn, variable: string, path: string, body?: object): Promise<T> {
  const base = process.env[variable];
  if (!base) throw new ServiceError(`${variable} is not set`);
  const headers = { ...auth.outgoing(user), ...(body && { "content-type": "application/json" }) };
  const init = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) };
  let answer: Response;
  try {
    answer = await fetch(base + path, { cache: "no-store", signal: AbortSignal.timeout(10_000), ...init });
  } catch (error) {
    throw new ServiceError(`${variable} does not answer: ${error instanceof Error ? error.message : error}`);
  }
  if (!answer.ok) throw new ServiceError(`${path}: ${answer.status} ${await answer.text()}`, answer.status);
  return (await answer.json()) as T;
}

export const products = (user: SignedIn) => call<Product[]>(user, "CATALOG_URL", "/products");

export const orders = (user: SignedIn) => call<Order[]>(user, "ORDERS_URL", "/orders");

export const order = (user: SignedIn, id: string) => call<Order>(user, "ORDERS_URL", `/orders/${encodeURIComponent(id)}`);

export const placeOrder = (user: SignedIn, product_id: string, quantity: number) =>
  call<Order>(user, "ORDERS_URL", "/orders", { product_id, quantity });

/** Whether the notifier has heard of the order. */
export async function notified(user: SignedIn, id: string): Promise<boolean> {
  try {
    await call(user, "NOTIFIER_URL", `/notifications/${encodeURIComponent(id)}`);
    return true;
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return false;
    throw error;
  }
}
