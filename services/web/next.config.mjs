/** Two platforms side by side must not share a build, so the tool gives each its own directory. */
const config = {
  distDir: process.env.NEXT_DIST_DIR || ".next",
  devIndicators: false,
  allowedDevOrigins: ["127.0.0.1", "localhost"],
};

export default config;
