import type { Session } from "platform-auth";
import { auth } from "../lib/auth";

/** Who is signed in, and the way in or out. */
export function Account({ session }: { session?: Session }) {
  if (!auth.settings.localIssuer) return <ClerkAccount session={session} />;
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

function ClerkAccount({ session }: { session?: Session }) {
  return session ? <Name session={session} /> : <span>Signed out</span>;
}

function Name({ session }: { session: Session }) {
  const name = session.displayName ?? session.email ?? session.subject.replace(/^user_(local_|test_)?/, "");
  return <span data-testid="user">{name}</span>;
}
