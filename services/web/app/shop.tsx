"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState, useTransition } from "react";
import { euros } from "../lib/money.mjs";
import type { Product } from "../lib/services";
import { type Answer, look, place } from "./actions";

const PAUSE_MS = 300;

/** The catalog with a button for each product, and the order last placed. */
export function Shop({ products }: { products: Product[] }) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [busy, start] = useTransition();
  const router = useRouter();
  const placed = answer && "placed" in answer ? answer.placed : null;

  useEffect(() => {
    if (!placed) return;
    if (placed.notified) return router.refresh(); // it stands among the orders now
    const timer = setTimeout(async () => setAnswer(await look(placed.id)), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [placed, router]);

  return (
    <>
      <ul>
        {products.map((product) => (
          <li key={product.id} data-testid={`product-${product.id}`}>
            <h2>{product.name}</h2>
            <span>{euros(product.price_cents)}</span>
            <p>{product.description}</p>
            <button
              data-testid={`order-button-${product.id}`}
              disabled={busy}
              onClick={() => start(async () => setAnswer(await place(product.id)))}
            >
              Order
            </button>
          </li>
        ))}
      </ul>
      {answer && "error" in answer && (
        <aside className="trouble" role="alert" data-testid="order-error">
          That did not work: {answer.error}
        </aside>
      )}
      {placed && (
        <aside role="status">
          <strong>{placed.text}</strong>: <span data-testid="order-status">{placed.status}</span>
          {placed.notified && <span data-testid="notification-received">, notification received</span>}
        </aside>
      )}
    </>
  );
}
