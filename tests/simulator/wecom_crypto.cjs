// Tencent's own library, asked from a test: seals and opens what stands on standard input as JSON.
const { encrypt, decrypt, getSignature } = require(process.argv[2]);

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const sealed = asked.seal.map(({ key, text, id }) => encrypt(key, text, id));
const opened = asked.open.map(({ key, encrypted }) => decrypt(key, encrypted));
const signed = asked.sign.map(({ token, timestamp, nonce, encrypted }) => getSignature(token, timestamp, nonce, encrypted));
process.stdout.write(JSON.stringify({ sealed, opened: opened.map(({ message, id }) => ({ message, id })), signed }));
