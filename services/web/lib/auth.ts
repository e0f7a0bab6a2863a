/** Who is calling this site; made once, and the environment is read at the first request. */
import { headers } from "next/headers";
import { Auth, AuthError, type Identity, type Session, readOrExit } from "platform-auth";

export type SignedIn = Identity & { session: Session };

export const auth = new Auth(readOrExit);

/** Who asked for the page or called the action; undefined for nobody, and for a session that has ended. Throws AuthError if nobody could say. */
export async function signedIn(): Promise<SignedIn | undefined> {
  try {
    const identity = await auth.identity(await headers());
    return identity.session ? { ...identity, session: identity.session } : undefined;
  } catch (error) {
    if (!(error instanceof AuthError) || !ENDED.has(error.code)) throw error;
    const fields = { auth_code: error.code, auth_reason: error.reason };
    console.log(JSON.stringify({ time: new Date().toISOString(), level: "INFO", msg: "auth refused", ...fields }));
    return undefined;
  }
}

const ENDED = new Set(["token_expired", "token_invalid", "session_pending"]);
