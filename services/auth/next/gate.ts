/** `node gate.ts && next start`: exit 78 before Next.js opens its port, which it does before it runs any code of ours. */
import { readOrExit } from "./lib/auth/settings.ts";

readOrExit();
