"""All that is Clerk's: its keys, the shape of its tokens, its SDK. Another provider replaces this folder."""
