/** As much of a JSON Schema as the package's own uses. */
export interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly oneOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly prefixItems?: readonly JsonSchema[]
  readonly minItems?: number
  readonly minLength?: number
  readonly minProperties?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

/** Keywords that say nothing about whether a value fits. */
const NOTES = ['$schema', '$defs', 'title', 'description', 'default', 'examples']

/** Whether a value fits a schema. Throws at a keyword it does not know, so that none is passed over. */
export function matchesSchema(value: unknown, schema: JsonSchema, root: JsonSchema): boolean {
  return Object.entries(schema).every(([keyword, argument]) => {
    if (NOTES.includes(keyword)) return true
    const check = CHECKS[keyword]
    if (check === undefined) throw new Error(`the schema uses "${keyword}", which this check does not know`)
    return check(value, argument as never, schema, root)
  })
}

type Check = (value: unknown, argument: never, schema: JsonSchema, root: JsonSchema) => boolean

const CHECKS: Readonly<Record<string, Check>> = {
  $ref: (value, name: string, _schema, root) => matchesSchema(value, resolveReference(name, root), root),
  type: (value, types: string | readonly string[]) => [types].flat().some((type) => isOfType(value, type)),
  const: (value, wanted: unknown) => value === wanted,
  enum: (value, wanted: readonly unknown[]) => wanted.includes(value),
  oneOf: (value, schemas: readonly JsonSchema[], _schema, root) =>
    schemas.filter((schema) => matchesSchema(value, schema, root)).length === 1,
  anyOf: (value, schemas: readonly JsonSchema[], _schema, root) =>
    schemas.some((schema) => matchesSchema(value, schema, root)),
  properties: (value, known: Readonly<Record<string, JsonSchema>>, _schema, root) =>
    !isObject(value) ||
    Object.entries(known).every(([name, schema]) => !(name in value) || matchesSchema(value[name], schema, root)),
  required: (value, names: readonly string[]) => !isObject(value) || names.every((name) => name in value),
  additionalProperties: (value, others: boolean | JsonSchema, schema, root) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, item]) =>
        name in (schema.properties ?? {}) || (typeof others === 'boolean' ? others : matchesSchema(item, others, root)),
    ),
  items: (value, schema: JsonSchema, _schema, root) =>
    !Array.isArray(value) || value.every((item) => matchesSchema(item, schema, root)),
  prefixItems: (value, schemas: readonly JsonSchema[], _schema, root) =>
    !Array.isArray(value) ||
    schemas.every((schema, index) => index >= value.length || matchesSchema(value[index], schema, root)),
  minItems: (value, least: number) => !Array.isArray(value) || value.length >= least,
  minLength: (value, least: number) => typeof value !== 'string' || value.length >= least,
  minProperties: (value, least: number) =>
    typeof value !== 'object' || value === null || Object.keys(value).length >= least,
  pattern: (value, pattern: string) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minimum: (value, least: number) => typeof value !== 'number' || value >= least,
  maximum: (value, most: number) => typeof value !== 'number' || value <= most,
}

function resolveReference(name: string, root: JsonSchema): JsonSchema {
  if (name === '#') return root
  const found = root.$defs?.[name.replace('#/$defs/', '')]
  if (found === undefined) throw new Error(`the schema has no ${name}`)
  return found
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
