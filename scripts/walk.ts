// `bun scripts/walk.ts [folder]`: follows a value from a route through the code, by imports and calls, and prints the
// files that a reader passes, in order. ↑ marks a file that the walk enters again after it has left it.
import { join, relative, resolve } from 'node:path'
import ts from 'typescript-5'

type Walk = {
  title: string
  /** The routes file and the operation whose handler begins the walk. */
  route: [path: string, operation: string]
  /** The parameter of the handler that the walk follows: what the client sent, or what the handler reads with. */
  from: 'input' | 'context'
  /** Members that carry the value where an object holds it. */
  members: string[]
}

const WALKS: Walk[] = [
  {
    title: '`startsAt` of POST /appointments',
    route: ['src/appointments/routes.ts', 'bookAppointmentOperation'],
    from: 'input',
    members: ['startsAt', 'start', 'from'],
  },
  {
    title: 'weekly hours of GET /doctors/{id}/slots, back to the statement that selects them',
    route: ['src/scheduling/routes.ts', 'listDoctorSlotsOperation'],
    from: 'context',
    members: ['calendars', 'schedules', 'weekly', 'windows', 'doctors'],
  },
]

/** How requests, transactions and statements work: the same for every walk. */
const PLUMBING = /^src\/(?:http|database)\/|^src\/(?:errors|deps|log|config|actor|ip-address)\.ts$/
/** Libraries of pure functions and of statements, below everything else of the walk: going back to one is no detour. */
const LIBRARIES: [name: string, files: RegExp][] = [
  ['the engine', /^src\/scheduling\/(?:slots|rules|calendar|ranges|local-time)\.ts$/],
  ['statements', /queries\.ts$|fragments\.ts$|selections\.ts$|rows\.ts$/],
]
const libraryOf = (file: string) => LIBRARIES.find(([, files]) => files.test(file))?.[0]

/** Beside the path of the value: what runs after a refusal or the commit, and what happens to other appointments. */
const ASIDE = new Set(['explainRefusal', 'afterCommit', 'expireConflictingHolds'])

const root = resolve(process.argv[2] ?? join(import.meta.dir, '..'))
const program = openProgram()
const checker = program.getTypeChecker()

function openProgram(): ts.Program {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const ours = fileNames.filter((path) => relative(root, path).startsWith('src/'))
  return ts.createProgram(ours, options)
}

function stopsOf({ route: [path, operation], from, members }: Walk): string[] {
  const source = program.getSourceFile(join(root, path))
  const handlers = source && handlersOf(source, operation)
  if (!handlers?.length) throw new Error(`${path} has no handler of ${operation}`)
  const walker = new Walker(new Set(members))
  for (const handler of handlers) walker.enter(handler, from)
  return walker.stops
}

type Callable = ts.FunctionDeclaration | ts.ArrowFunction | ts.FunctionExpression | ts.MethodDeclaration

/** The functions of the call that registers the operation. */
function handlersOf(source: ts.SourceFile, operation: string): Callable[] {
  const found: Callable[] = []
  const visit = (node: ts.Node): void => {
    const [first, ...rest] = ts.isCallExpression(node) ? node.arguments : []
    if (first && ts.isIdentifier(first) && first.text === operation) for (const argument of rest) collect(argument)
    ts.forEachChild(node, visit)
  }
  const collect = (node: ts.Node): void => {
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) found.push(node)
    else if (ts.isObjectLiteralExpression(node))
      for (const property of node.properties) {
        const name = property.name?.getText() ?? ''
        if (!ASIDE.has(name) && ts.isPropertyAssignment(property)) collect(property.initializer)
      }
  }
  visit(source)
  return found
}

class Walker {
  readonly stops: string[] = []
  /** Variables that hold the value, or an object with it. */
  private readonly carriers = new Set<ts.Symbol>()
  private readonly entered = new Set<Callable>()

  constructor(private readonly members: Set<string>) {}

  /** Goes through a function to which the value is passed, call by call. */
  enter(callable: Callable, from?: Walk['from']): void {
    if (this.entered.has(callable) || !callable.body) return
    this.entered.add(callable)
    const file = relative(root, callable.getSourceFile().fileName)
    const start = from === 'context' ? callable.parameters[0] : callable.parameters.at(-1)
    if (from && start) this.carry(start.name)
    this.stopAt(file)
    this.visit(callable.body)
  }

  private stopAt(file: string): void {
    if (!PLUMBING.test(file) && this.stops.at(-1) !== file) this.stops.push(file)
  }

  private visit(node: ts.Node): void {
    ts.forEachChild(node, (child) => this.visit(child))
    if (ts.isVariableDeclaration(node) && node.initializer && this.carries(node.initializer)) this.carry(node.name)
    if (ts.isCallExpression(node)) this.call(node)
  }

  private call(node: ts.CallExpression): void {
    const carried = node.arguments.map((argument) => this.carries(argument))
    if (!carried.includes(true)) return
    const callable = callableOf(node.expression)
    const callback = node.arguments.map((argument) => callableOf(argument)).find((found) => found !== undefined)
    for (const target of [callable, callback]) {
      if (!target || this.entered.has(target) || !isOurs(target) || ASIDE.has(nameOf(target))) continue
      for (const [i, { name }] of target.parameters.entries()) if (carried[i]) this.carry(name)
      this.enter(target)
    }
  }

  /** What a name or a pattern binds: of a pattern, only the members that carry the value. */
  private carry(name: ts.BindingName): void {
    if (ts.isIdentifier(name)) {
      const symbol = checker.getSymbolAtLocation(name)
      if (symbol) this.carriers.add(symbol)
      return
    }
    for (const element of name.elements) {
      if (ts.isOmittedExpression(element)) continue
      const member = (element.propertyName ?? element.name).getText()
      if (element.dotDotDotToken || this.members.has(member) || this.hasMember(element.name)) this.carry(element.name)
    }
  }

  private carries(node: ts.Node): boolean {
    if (ts.isIdentifier(node)) {
      const symbol = ts.isShorthandPropertyAssignment(node.parent)
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : checker.getSymbolAtLocation(node)
      return symbol !== undefined && this.carriers.has(symbol)
    }
    if (ts.isPropertyAccessExpression(node))
      return this.carries(node.expression) && (this.members.has(node.name.text) || this.hasMember(node))
    if (ts.isCallExpression(node) || ts.isAwaitExpression(node)) {
      const inner = ts.isAwaitExpression(node) ? node.expression : node
      const callee = ts.isCallExpression(inner) ? inner.expression : undefined
      const receiver = callee && ts.isPropertyAccessExpression(callee) ? [callee.expression] : []
      const parts = ts.isCallExpression(inner) ? [...receiver, ...inner.arguments] : [inner]
      return parts.some((part) => this.carries(part)) && (isScalar(node) || this.hasMember(node))
    }
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return false
    return ts.forEachChild(node, (child) => this.carries(child) || undefined) ?? false
  }

  /** Whether values of this type hold the member, at most one object deep. */
  private hasMember(node: ts.Node): boolean {
    const own = (type: ts.Type) => checker.getPropertiesOfType(checker.getAwaitedType(type) ?? type)
    const type = checker.getTypeAtLocation(node)
    const elements = checker.getIndexTypeOfType(type, ts.IndexKind.Number)
    return own(elements ?? type).some(({ name }) => this.members.has(name))
  }
}

const SCALARS = ts.TypeFlags.NumberLike | ts.TypeFlags.StringLike

function isScalar(node: ts.Node): boolean {
  const type = checker.getTypeAtLocation(node)
  const awaited = checker.getAwaitedType(type) ?? type
  return (awaited.flags & SCALARS) !== 0 || awaited.symbol?.name === 'Date'
}

/** The function of ours that an expression names. */
function callableOf(node: ts.Node): Callable | undefined {
  if (!ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node)) return undefined
  const symbol = checker.getSymbolAtLocation(ts.isPropertyAccessExpression(node) ? node.name : node)
  const target = symbol && symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const declaration = target?.declarations?.[0]
  if (!declaration) return undefined
  if (ts.isFunctionDeclaration(declaration)) return declaration
  if (!ts.isVariableDeclaration(declaration) || !declaration.initializer) return undefined
  const { initializer } = declaration
  if (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer)) return initializer
  // A statement made by `prepared(…)`: the function that builds it.
  const built = ts.isCallExpression(initializer) ? initializer.arguments[0] : undefined
  if (!built) return undefined
  return ts.isArrowFunction(built) || ts.isFunctionExpression(built) ? built : callableOf(built)
}

const nameOf = (callable: Callable) => callable.name?.getText() ?? ''

const isOurs = (callable: Callable) => !callable.getSourceFile().fileName.includes('node_modules')

/** Entering a file again for another function of it. */
const isReturn = (file: string, i: number, stops: string[]) => stops.indexOf(file) < i && !libraryOf(file)

for (const walk of WALKS) {
  const stops = stopsOf(walk)
  console.log(`${walk.title}: ${new Set(stops).size} files, ${stops.filter(isReturn).length} returns`)
  for (const [i, file] of stops.entries())
    if (stops.indexOf(file) === i || isReturn(file, i, stops))
      console.log(`  ${file.slice(4)}${isReturn(file, i, stops) ? ' ↑' : ''}`)
}
