/**
 * The environment of an image on a base image: the base's entries, then its
 * own. Of entries with the same name (the text before the first `=`) the last
 * one counts, at the place of the first.
 *
 * @see nixpkgs `stream_layered_image.py`, `overlay_base_config`
 */
export function mergeEnv(base: readonly string[], own: readonly string[]): string[] {
  const byName = new Map<string, string>()
  for (const entry of [...base, ...own]) byName.set(entry.split('=', 1)[0] ?? '', entry)
  return [...byName.values()]
}
