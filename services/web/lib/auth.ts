/** Who is calling this site; made once, and the environment is read at the first request. */
import { headers } from "next/headers";
import { Auth, AuthError, type Identity, type Session, readOrExit } from "platform-auth";

export type SignedIn = Identity & { session: Session };

export const auth = new Auth(readOrExit);

/** Who asked for the page or called the action: nobody too if the session has ended, and `trouble` if that cannot be told. */
export async function signedIn(): Promise<{ user?: SignedIn; trouble?: string }> {
  try {
    const identity = await auth.identity(await headers());
    return identity.session ? { user: { ...identity, session: identity.session } } : {};
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const fields = { auth_code: error.code, auth_reason: error.reason };
    console.log(JSON.stringify({ time: new Date().toISOString(), level: "INFO", msg: "auth refused", ...fields }));
    return ENDED.has(error.code) ? {} : { trouble: "who you are cannot be told at the moment, please try again" };
  }
}

const ENDED = new Set(["token_expired", "token_invalid", "session_pending"]);
