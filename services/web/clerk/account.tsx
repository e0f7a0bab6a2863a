import { SignInButton, UserButton } from "@clerk/nextjs";

/** Clerk's own ways in and out. */
export function Account({ signedIn }: { signedIn: boolean }) {
  return signedIn ? (
    <UserButton />
  ) : (
    <SignInButton mode="modal">
      <button data-testid="sign-in">Sign in</button>
    </SignInButton>
  );
}
