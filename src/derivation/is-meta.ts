import type { Meta } from './built.ts'

/** Whether a value says something of a package that is known here. */
export function isMeta(value: unknown): value is Meta {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { priority } = value as Meta
  return priority === undefined || Number.isSafeInteger(priority)
}
