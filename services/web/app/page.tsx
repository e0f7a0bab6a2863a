import { connection } from "next/server";
import { products, ServiceError } from "../lib/services";
import { Shop } from "./shop";

export default async function Page() {
  await connection();
  let content;
  try {
    content = <Shop products={await products()} />;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    content = (
      <aside className="trouble" role="alert">
        The catalog cannot be shown: {error.message}
      </aside>
    );
  }
  return (
    <main>
      <h1>Shop</h1>
      {content}
    </main>
  );
}
