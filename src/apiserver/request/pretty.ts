import type { ApiRequest, ApiResponse } from '../contracts.js';
import type { Soon } from '../soon.js';

/** Tools that people read the answers of (apiserver/pkg/endpoints/handlers/negotiation, isPrettyPrint). */
const HUMAN_TOOLS = /^(curl|Wget|Mozilla\/5\.0)/;
/** What Go's strconv.ParseBool takes for true. */
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** Larger answers are left as they are: nobody reads them, and parsing them would hold up everybody else. */
const MAX_BYTES = 2 * 1024 * 1024;

/**
 * The answer with its JSON indented where the `pretty` parameter asks for that, or else the client is a tool that
 * people use by hand. Watches, what proxies pass on and the OpenAPI documents stay as they are.
 */
export function legible(request: ApiRequest, response: ApiResponse): Soon<ApiResponse> {
  if (!wantsPretty(request) || request.url.startsWith('/openapi/')) return response;
  const { body, headers } = response;
  if (!headers['content-type']?.startsWith('application/json')) return response;
  if (Buffer.isBuffer(body)) return indented(response, [body]);
  if (Array.isArray(body)) return indented(response, body);
  return response.document === true ? whole(body).then((pieces) => indented(response, pieces)) : response;
}

function wantsPretty({ url, headers }: ApiRequest): boolean {
  const query = url.indexOf('?');
  if (query >= 0 && url.includes('pretty', query)) {
    const asked = new URLSearchParams(url.slice(query + 1)).get('pretty') ?? '';
    if (asked !== '') return TRUE.has(asked);
  }
  return HUMAN_TOOLS.test(headers['user-agent'] ?? '');
}

/** As Go's MarshalIndent writes it, without a newline at the end. */
function indented(response: ApiResponse, json: Buffer[]): ApiResponse {
  const size = json.reduce((sum, piece) => sum + piece.length, 0);
  if (size === 0 || size > MAX_BYTES) return { ...response, body: json };
  const text = JSON.stringify(JSON.parse(Buffer.concat(json).toString('utf8')), null, 2);
  return { ...response, body: Buffer.from(text, 'utf8') };
}

async function whole(body: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return pieces;
}
