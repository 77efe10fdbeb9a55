import * as dtls from 'dtls-wasm';
import { exchange } from '../shared/exchange.mjs';

exchange(dtls).catch(String).then((text) => {
  document.title = text;
});
