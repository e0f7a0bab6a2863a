import type { Session } from "platform-auth";
import { auth } from "../lib/auth";

/** Who is signed in, and the way in or out. */
export async function Account({ session }: { session?: Session }) {
  if (auth.settings.mode === "clerk") return <ByClerk session={session} />;
  if (!session)
    return (
      <a className="button" href="/api/auth/sign-in?return_to=/" data-testid="sign-in">
        Sign in
      </a>
    );
  return (
    <form className="account" method="post" action="/api/auth/sign-out">
      <Name session={session} />
      <button className="quiet" data-testid="sign-out">
        Sign out
      </button>
    </form>
  );
}

/** With a PEM instead of a publishable key, tokens are believed but nobody can sign in here. */
async function ByClerk({ session }: { session?: Session }) {
  const clerk = process.env.CLERK_PUBLISHABLE_KEY ? await import("../clerk/account") : undefined;
  return (
    <div className="account">
      {session && <Name session={session} />}
      {clerk && <clerk.Account signedIn={Boolean(session)} />}
    </div>
  );
}

function Name({ session }: { session: Session }) {
  const name = session.displayName ?? session.email ?? session.subject.replace(/^user_(local_|test_)?/, "");
  return <span data-testid="user">{name}</span>;
}
