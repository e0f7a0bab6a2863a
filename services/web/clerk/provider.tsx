import { ClerkProvider } from "@clerk/nextjs";
import type { ReactNode } from "react";

/** Loads Clerk's script, which keeps the session's cookie fresh. The key is for everybody to see, and the running server's. */
export function Provider({ children }: { children: ReactNode }) {
  return <ClerkProvider publishableKey={process.env.CLERK_PUBLISHABLE_KEY}>{children}</ClerkProvider>;
}
