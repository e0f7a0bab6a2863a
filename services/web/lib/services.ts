/** The services behind this page, as the environment gives their addresses; called on the server only. */

export type Product = { id: string; name: string; description: string; price_cents: number };
export type Order = {
  id: string;
  product_name: string;
  quantity: number;
  total_cents: number;
  status: "placed" | "published";
};

/** What another service answered when it was not a success. */
export class ServiceError extends Error {}

async function call<T>(variable: string, path: string, init?: RequestInit): Promise<T> {
  const base = process.env[variable];
  if (!base) throw new ServiceError(`${variable} is not set`);
  let answer: Response;
  try {
    answer = await fetch(base + path, { cache: "no-store", signal: AbortSignal.timeout(10_000), ...init });
  } catch (error) {
    throw new ServiceError(`${variable} does not answer: ${error instanceof Error ? error.message : error}`);
  }
  if (!answer.ok) throw new ServiceError(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

export const products = () => call<Product[]>("CATALOG_URL", "/products");

export const order = (id: string) => call<Order>("ORDERS_URL", `/orders/${encodeURIComponent(id)}`);

export const placeOrder = (product_id: string, quantity: number) =>
  call<Order>("ORDERS_URL", "/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ product_id, quantity }),
  });

/** Whether the notifier has heard of the order. */
export async function notified(id: string): Promise<boolean> {
  try {
    await call("NOTIFIER_URL", `/notifications/${encodeURIComponent(id)}`);
    return true;
  } catch (error) {
    if (error instanceof ServiceError && error.message.includes(": 404 ")) return false;
    throw error;
  }
}
