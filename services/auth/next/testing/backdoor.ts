/** Test users by header, for APP_ENV=test on this machine alone. Only builds for tests alias `#auth-testing` to this. */
import { createHash, timingSafeEqual } from "node:crypto";
import { AuthError } from "../lib/auth/errors.ts";
import { Refused } from "../lib/auth/refused.ts";
import type { Backdoor } from "../lib/auth/settings.ts";

const BIND_OPTIONS = ["--hostname", "-H", "--host"];
const PROXIED = ["forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip"];

/** The door; throws Refused unless the server binds loopback and a secret of this run is set. */
export function openBackdoor(env: Record<string, string | undefined>, argv: string[]): Backdoor {
  for (const [name, address] of binds(env, argv))
    if (!isLoopback(address)) throw new Refused(`test users by header, but ${name} binds ${JSON.stringify(address)}, which is not loopback`);
  const secret = env.TEST_AUTH_SECRET ?? "";
  if (secret.length < 32) throw new Refused("TEST_AUTH_SECRET of 32 or more characters, made for this run, is missing");
  const digest = (text: string) => createHash("sha256").update(text).digest();

  return {
    subject(headers) {
      const user = headers.get("x-test-user");
      // Next.js puts the peer's address into X-Forwarded-For where there was none, so this is as near as a handler gets.
      if (user == null || PROXIED.some((name) => headers.has(name)) || !isLoopback(headers.get("x-forwarded-for") ?? "127.0.0.1")) return undefined;
      const given = headers.get("x-test-secret") ?? "";
      if (user.includes(",") || given.includes(",")) throw new AuthError("duplicate_credentials", "x-test-user or x-test-secret");
      return timingSafeEqual(digest(given), digest(secret)) && /^[a-z0-9_]{1,40}$/.test(user) ? `user_test_${user}` : undefined;
    },
    outgoing: (subject) => ({ "X-Test-User": subject.replace(/^user_test_/, ""), "X-Test-Secret": secret }),
  };
}

/** Every address that a server may have been told, and where; `HOST` is what the start script passes on. */
function binds(env: Record<string, string | undefined>, argv: string[]): [string, string][] {
  const told: [string, string][] = argv.flatMap((word, index): [string, string][] => {
    const [option = "", ...value] = word.split("=");
    return BIND_OPTIONS.includes(option) ? [[option, value.length ? value.join("=") : (argv[index + 1] ?? "")]] : [];
  });
  if (env.HOST) told.push(["HOST", env.HOST]);
  return told;
}

function isLoopback(address: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|\[::1\]|::ffff:127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/.test(address);
}
