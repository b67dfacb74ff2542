/**
 * `url` as it may stand in messages and logs: without user, password, query
 * and fragment, any of which may hold a secret.
 */
export function redactUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url
  if (parsed === null) return '(not a URL)'
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
