import { defineConfig } from "vite";

export default defineConfig(({ mode }) => ({ esbuild: { drop: mode === "production" ? ["console", "debugger"] : [] } }));
