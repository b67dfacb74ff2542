import * as v from 'valibot'

/** How a wrong value is told: what it is, and what it should be. */
export function shouldBe(what: string): (issue: { readonly received: string }) => string {
  return ({ received }) => `it is ${received}, it should be ${what}`
}

/** What the schemas of all functions are made of. */
export const text: v.GenericSchema<string> = v.string(shouldBe('a string'))

export const flag: v.GenericSchema<boolean> = v.boolean(shouldBe('true or false'))

const wholeNumber = v.pipe(v.number(shouldBe('a number')), v.safeInteger(shouldBe('a whole number')))

export const layerCount: v.GenericSchema<number> = wholeNumber

/** Linux counts users in 32 bits, and keeps the last number for "none". */
export const MAX_OWNER_ID = 4_294_967_294

export const ownerId: v.GenericSchema<number> = v.pipe(
  wholeNumber,
  v.minValue(0, shouldBe(`0 to ${MAX_OWNER_ID}`)),
  v.maxValue(MAX_OWNER_ID, shouldBe(`0 to ${MAX_OWNER_ID}`)),
)

/** The size of a disk or a memory. */
export const mebibytes: v.GenericSchema<number> = v.pipe(
  wholeNumber,
  v.minValue(1, shouldBe('a number of MiB above 0')),
  v.maxValue(2 ** 30, shouldBe(`a number of MiB, at most ${2 ** 30}`)),
)

export const ownerName: v.GenericSchema<string> = v.pipe(
  text,
  v.check((name) => !name.includes('\0'), 'it holds a NUL character, which no owner name can'),
)

export const imageName: v.GenericSchema<string> = v.pipe(
  text,
  v.nonEmpty('it is empty, it should be the name of an image'),
  v.check((name) => !/[\s\p{C}]/u.test(name), 'it holds white space or a control character, which no image name can'),
  v.check((name) => !/(^|\/)(\/|$)/.test(name), 'it holds an empty part, it should have letters around every "/"'),
)

export const imageTag: v.GenericSchema<string> = v.pipe(
  text,
  v.regex(/^[^\s\p{C}/:@]+$/u, shouldBe('a tag: letters, digits, "_", "." and "-"')),
)

export const record: v.GenericSchema<Readonly<Record<string, unknown>>> = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  shouldBe('an object'),
)
