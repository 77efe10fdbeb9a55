// Node 20.19 and later load ES modules by require, as long as none of them awaits at its top level.
const dtls = require('dtls-wasm');

import('../shared/exchange.mjs').then(({ exchange }) => exchange(dtls)).then(console.log);
