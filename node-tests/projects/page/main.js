import * as dtls from '../node_modules/dtls-wasm/dist/index.js';
import { init } from '../node_modules/dtls-wasm/dist/core.js';
import { exchange } from '../shared/exchange.mjs';

init().then(() => exchange(dtls)).catch(String).then((text) => {
  document.title = text;
});
