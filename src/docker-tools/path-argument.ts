import { isRealisable } from '#derivation'
import type { ContentsArgument, PathArgument } from './layered-image-args.ts'
import type { Recipe } from './recipe.ts'

/** Whether a value is what an image function returned. */
export function isRecipe(value: unknown): value is Recipe {
  return isRealisable(value) && 'function' in value && 'writeTo' in value && 'imageTag' in value
}

/** Whether a value has a form that upstream's path or derivation may have here. */
export function isPathArgument(value: unknown): value is PathArgument {
  if (typeof value === 'string') return /^(\/|\.\.?\/)/.test(value) && !value.includes('\0')
  return isRealisable(value)
}

/** Whether a value is such an item, or lists of lists of them; nulls may stand in between. */
export function isContents(value: unknown): value is ContentsArgument {
  const pending: unknown[] = [value]
  const seen = new Set<unknown>()
  for (let item = pending.pop(); pending.length > 0 || item !== undefined; item = pending.pop()) {
    if (Array.isArray(item)) {
      if (seen.has(item)) return false
      seen.add(item)
      pending.push(...(item as unknown[]))
    } else if (item !== null && !isPathArgument(item)) return false
  }
  return true
}
