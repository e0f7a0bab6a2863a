/** What `#auth-testing` is in every build but those for tests. */
import type { Backdoor } from "./settings.ts";

export const openBackdoor: ((env: Record<string, string | undefined>, argv: string[]) => Backdoor) | undefined = undefined;
