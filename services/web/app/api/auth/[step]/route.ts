/** sign-in · callback · sign-out at the local issuer; 404 in clerk mode. */
import { localRoutes } from "platform-auth/local";
import { auth } from "../../../../lib/auth";

export const { GET, POST } = localRoutes(auth);
