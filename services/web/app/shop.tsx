"use client";

import { useRouter } from "next/navigation";
import { useActionState, useEffect, useState } from "react";
import { euros } from "../lib/money.mjs";
import type { Product } from "../lib/services";
import { type Answer, look, type Placed, place } from "./actions";

const PAUSE_MS = 300;
const PAUSE_AFTER_TROUBLE_MS = 2_000;

/** The catalog with a button for each product, and the order last placed. A form, so that it works before the scripts have come. */
export function Shop({ products }: { products: Product[] }) {
  const [answer, order, busy] = useActionState<Answer | null, FormData>(place, null);

  return (
    <form action={order}>
      <ul>
        {products.map((product) => (
          <li key={product.id} data-testid={`product-${product.id}`}>
            <h2>{product.name}</h2>
            <span>{euros(product.price_cents)}</span>
            <p>{product.description}</p>
            <button name="product" value={product.id} disabled={busy} data-testid={`order-button-${product.id}`}>
              Order
            </button>
          </li>
        ))}
      </ul>
      {answer && "error" in answer && <Trouble text={answer.error} />}
      {answer && "placed" in answer && <Progress key={answer.placed.id} placed={answer.placed} />}
    </form>
  );
}

/** How far an order has come; looks again until its notification has, whatever happens on the way. */
function Progress({ placed }: { placed: Placed }) {
  const [seen, setSeen] = useState<Answer>({ placed });
  const router = useRouter();
  const trouble = "error" in seen ? seen.error : undefined;
  const now = "placed" in seen ? seen.placed : placed;

  useEffect(() => {
    if (now.notified) return router.refresh(); // it stands among the orders now
    const pause = trouble ? PAUSE_AFTER_TROUBLE_MS : PAUSE_MS;
    const timer = setTimeout(async () => setSeen(await look(placed.id).catch(unreachable)), pause);
    return () => clearTimeout(timer);
  }, [seen, now, trouble, placed, router]);

  return (
    <>
      {trouble && <Trouble text={trouble} />}
      <aside role="status">
        <strong>{now.text}</strong>: <span data-testid="order-status">{now.status}</span>
        {now.notified && <span data-testid="notification-received">, notification received</span>}
      </aside>
    </>
  );
}

function Trouble({ text }: { text: string }) {
  return (
    <aside className="trouble" role="alert" data-testid="order-error">
      That did not work: {text}
    </aside>
  );
}

const unreachable = (): Answer => ({ error: "the shop cannot be reached, trying again" });
