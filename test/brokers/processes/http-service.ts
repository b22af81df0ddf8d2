/** An HTTP service that writes down whom it has answered, and refuses the first requests for each key when it is told to. */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port = '', file = '', refusals = '0'] = process.argv.slice(2);
const asked = new Map<string, number>();

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    const key = String(request.headers['idempotency-key']);
    const times = (asked.get(key) ?? 0) + 1;
    asked.set(key, times);
    const status = times <= Number(refusals) ? 503 : 200;
    // Before the answer: whoever has that must find it written.
    appendFileSync(file, `${JSON.stringify({ key, status, url: request.url, authorization: request.headers.authorization, body })}\n`);
    response.statusCode = status;
    response.end('noted');
  });
});
server.listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
