// `bun scripts/floating-promises.ts`: finds promises that nobody awaits and Kysely queries that nobody executes, in src
// and db. In a transaction a forgotten `await` lets COMMIT go first, and no type error says so. `void` marks the wanted
// ones. Biome's rule of the same kind runs on every file, but does not see promises whose type is inferred.
import { join, relative } from 'node:path'
import ts from 'typescript-5'

const ROOT = join(import.meta.dir, '..')
/** Code with mistakes that must be found, each marked by a comment: it shows that the check is not blind. */
const SAMPLE = 'test/layout/samples/forgotten-await.ts'
const MARK = '// forgotten'

/** `a && b()` ends in `b()`. */
const CHOICES = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
])

type Finding = { path: string; line: number; text: string }

const program = openProgram()
const found = program.getSourceFiles().filter(isOurs).flatMap(findUnused)
const missed = markedLines().filter(
  (line) => !found.some((finding) => finding.path === SAMPLE && finding.line === line),
)
const breaches = found.filter(({ path }) => path !== SAMPLE)
for (const { path, line, text } of breaches) console.error(`${path}:${line}: not awaited: ${text}`)
for (const line of missed) console.error(`${SAMPLE}:${line}: this mistake was not found`)
if (breaches.length > 0 || missed.length > 0) process.exit(1)
console.log(`no forgotten await in ${program.getRootFileNames().length} files`)

function openProgram(): ts.Program {
  const host = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }: ts.Diagnostic) => {
      throw new Error(String(messageText))
    },
  }
  const { fileNames, options } = ts.getParsedCommandLineOfConfigFile(join(ROOT, 'tsconfig.json'), {}, host)!
  const isChecked = (path: string) => /^(src|db)\//.test(path) || path === SAMPLE
  const paths = fileNames.map((path) => relative(ROOT, path)).filter(isChecked)
  return ts.createProgram(
    paths.map((path) => join(ROOT, path)),
    options,
  )
}

function isOurs({ fileName }: ts.SourceFile): boolean {
  return !fileName.includes('node_modules')
}

function findUnused(source: ts.SourceFile): Finding[] {
  const findings: Finding[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node))
      for (const result of resultsOf(node.expression)) if (isUnused(result)) findings.push(describe(source, result))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return findings
}

/** The calls whose result a statement drops. */
function resultsOf(node: ts.Expression): ts.Expression[] {
  if (ts.isParenthesizedExpression(node)) return resultsOf(node.expression)
  if (ts.isConditionalExpression(node)) return [...resultsOf(node.whenTrue), ...resultsOf(node.whenFalse)]
  if (ts.isBinaryExpression(node) && CHOICES.has(node.operatorToken.kind)) return resultsOf(node.right)
  return ts.isCallExpression(node) ? [node] : []
}

/** A promise, or a query that only `execute` would send. */
function isUnused(node: ts.Expression): boolean {
  const type = program.getTypeChecker().getTypeAtLocation(node)
  const parts = type.isUnion() ? type.types : [type]
  return parts.some((part) => part.getProperty('then') || part.getProperty('executeTakeFirst'))
}

function describe(source: ts.SourceFile, node: ts.Node): Finding {
  const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
  return { path: relative(ROOT, source.fileName), line, text: node.getText().split('\n')[0]! }
}

function markedLines(): number[] {
  const lines = ts.sys.readFile(join(ROOT, SAMPLE))!.split('\n')
  return lines.flatMap((text, i) => (text.includes(MARK) ? [i + 1] : []))
}
