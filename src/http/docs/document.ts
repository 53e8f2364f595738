export type Json = Record<string, unknown>
export type Media = { schema?: Json; example?: unknown; examples?: Record<string, { value: Json }> }
export type Parameter = { name: string; in: string; required?: boolean; schema?: Json; example?: unknown }
export type DescribedResponse = { description: string; headers?: Json; content?: Record<string, Media> }
export type DescribedOperation = {
  operationId: string
  security?: unknown
  parameters?: Parameter[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, DescribedResponse>
}

/** The parts of the OpenAPI document that are changed after the generator has made it. */
export type ApiDescription = {
  servers?: { url: string }[]
  /** Of the operations that name no other. */
  security?: unknown
  paths: Record<string, Record<string, DescribedOperation>>
  components: Record<string, Record<string, unknown>>
}

export const operationsOf = ({ paths }: Pick<ApiDescription, 'paths'>) =>
  Object.entries(paths).flatMap(([path, methods]) => Object.values(methods).map((operation) => ({ path, operation })))
