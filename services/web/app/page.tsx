import { type SignedIn, signedIn } from "../lib/auth";
import { orders, products, ServiceError } from "../lib/services";
import { Account } from "./account";
import { Orders } from "./orders";
import { Shop } from "./shop";

export default async function Page({ searchParams }: { searchParams: Promise<{ sign_in?: string }> }) {
  const { user, trouble } = await signedIn();
  const failed = (await searchParams).sign_in === "failed";
  return (
    <>
      <header>
        <h1>Shop</h1>
        <Account session={user?.session} />
      </header>
      <main>
        {(trouble || (failed && !user)) && (
          <aside className="trouble" role="alert">
            That did not work: {trouble ?? "you could not be signed in, please try again"}
          </aside>
        )}
        {user ? <Content user={user} /> : <Welcome />}
      </main>
    </>
  );
}

async function Content({ user }: { user: SignedIn }) {
  try {
    const [offered, placed] = await Promise.all([products(user), orders(user)]);
    return (
      <>
        <Shop products={offered} />
        <Orders orders={placed} />
      </>
    );
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return (
      <aside className="trouble" role="alert">
        The shop cannot be shown: {error.message}
      </aside>
    );
  }
}

function Welcome() {
  return (
    <section className="welcome" data-testid="signed-out">
      <h2>Good things, well made.</h2>
      <p>Sign in to see what there is, to order, and to find your orders again.</p>
    </section>
  );
}
