import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

// Addresses are relative, for the page does not know below which path it is served; nothing is inlined, for the content policy forbids it.
export default defineConfig({
  base: './',
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2022', reportCompressedSize: false },
});
