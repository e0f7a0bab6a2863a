import { euros } from "../lib/money.mjs";
import type { Order } from "../lib/services";

/** What the user ordered before, newest first. */
export function Orders({ orders }: { orders: Order[] }) {
  return (
    <section data-testid="orders">
      <h2>Your orders</h2>
      {orders.length === 0 && <p className="none">None yet.</p>}
      <table>
        <tbody>
          {orders.slice(0, 10).map((order) => (
            <tr key={order.id} data-testid={`order-${order.id}`}>
              <td>
                {order.quantity} × {order.product_name}
              </td>
              <td>{order.created_at.slice(0, 16).replace("T", " ")}</td>
              <td>{order.status}</td>
              <td>{euros(order.total_cents)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
