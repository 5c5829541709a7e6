package vtl

import (
	"fmt"
	"strings"
)

// The parser of templates: text with references and directives in it.
// Velocity's grammar decides what is text and what is not, character by
// character, and so does this one; expressions are in parseexpr.go.

type parser struct {
	src       string
	pos       int
	shared    *symbols
	line      int // of src[0] in the whole template
	column    int
	depth     int
	inString  bool // src is a string: a last $ or # is text
	noComment int  // where ## is no comment, or -1
	afterCall int  // where a call or an index ended, or -1
}

// symbols are what all parts of a template share.
type symbols struct {
	t      *Template
	slots  map[string]int
	macros map[string]*macro // defined so far
	called map[string]*macro // called before they are defined
}

func newParser(src string, t *Template) *parser {
	return &parser{src: src, line: 1, column: 1, noComment: -1, afterCall: -1, shared: &symbols{t: t, slots: map[string]int{}, macros: map[string]*macro{}, called: map[string]*macro{}}}
}

// slot returns where the variable of a name is kept.
func (p *parser) slot(name string) int {
	i, ok := p.shared.slots[name]
	if !ok {
		i = len(p.shared.t.slots)
		p.shared.slots[name] = i
		p.shared.t.slots = append(p.shared.t.slots, name)
	}
	return i
}

// known returns the slot of a name the template uses, or -1.
func (p *parser) known(name string) int {
	if i, ok := p.shared.slots[name]; ok {
		return i
	}
	return -1
}

// An ending is the directive a block ends with.
type ending uint8

const (
	endOfText ending = iota
	endElse
	endElseIf
	endEnd
)

var endings = [...]string{"end of template", "#else", "#elseif", "#end"}

func (p *parser) template() ([]node, error) {
	nodes, end, err := p.block()
	if err != nil {
		return nil, err
	}
	if end != endOfText {
		return nil, p.errf("%s without a directive that it belongs to", endings[end])
	}
	return nodes, nil
}

// body reads the block of a directive up to its #end.
func (p *parser) body(name string, from int) ([]node, error) {
	nodes, end, err := p.block()
	if err != nil {
		return nil, err
	}
	return nodes, p.wantEnd(end, name, from)
}

func (p *parser) wantEnd(end ending, name string, from int) error {
	switch end {
	case endEnd:
		return nil
	case endOfText:
		p.pos = from
		return p.errf("#%s has no #end", name)
	}
	return p.errf("%s within #%s", endings[end], name)
}

// block reads nodes up to a directive that ends a block.
func (p *parser) block() (list []node, end ending, err error) {
	if p.depth++; p.depth > maxSource {
		return nil, 0, p.errf("Directives are nested more than %d levels", maxSource)
	}
	defer func() { p.depth-- }()
	for p.pos < len(p.src) {
		var n node
		from := p.pos
		switch p.src[p.pos] {
		case '$', '\\':
			n, err = p.dollarOrEscape()
		case '#':
			n, end, err = p.hash()
		case ' ', '\t':
			n, err = p.space()
		default:
			// A name right after a call or an index is a token by itself.
			if p.pos != p.afterCall || p.identifier() == "" {
				p.textRun()
			}
		}
		if err != nil {
			return nil, 0, err
		}
		if end != endOfText {
			return list, end, nil
		}
		if n == nil {
			n = textNode(p.src[from:p.pos])
		}
		list = appendNode(list, n)
	}
	return list, endOfText, nil
}

// appendNode joins neighbouring texts.
func appendNode(list []node, n node) []node {
	t, ok := n.(textNode)
	if !ok {
		return append(list, n)
	}
	if t == "" {
		return list
	}
	if i := len(list) - 1; i >= 0 {
		if before, ok := list[i].(textNode); ok {
			list[i] = before + t
			return list
		}
	}
	return append(list, t)
}

// textRun moves to the end of plain text.
func (p *parser) textRun() {
	if i := strings.IndexAny(p.src[p.pos:], `$#\`); i >= 0 {
		p.pos += i
		return
	}
	p.pos = len(p.src)
}

// space reads text that begins with blanks. They vanish when #set follows:
// Velocity's token for it includes them.
func (p *parser) space() (node, error) {
	rest := strings.TrimLeft(p.src[p.pos:], " \t")
	if setLength(rest) > 0 {
		p.pos = len(p.src) - len(rest)
		return p.set()
	}
	p.textRun()
	return nil, nil
}

// setLength returns the length of "#set(" at the start of s, or 0.
func setLength(s string) int {
	for _, word := range [...]string{"#set", "#{set}"} {
		if rest, ok := strings.CutPrefix(s, word); ok {
			rest = strings.TrimLeft(rest, " ")
			if strings.HasPrefix(rest, "(") {
				return len(s) - len(rest) + 1
			}
		}
	}
	return 0
}

// dollarOrEscape reads a reference, or what only looks like the start of
// one, or backslashes.
func (p *parser) dollarOrEscape() (node, error) {
	from := p.pos
	for p.pos < len(p.src) && p.src[p.pos] == '\\' {
		p.pos++
	}
	slashes := p.pos - from
	if p.pos < len(p.src) && p.src[p.pos] == '$' {
		ref, err := p.reference(slashes)
		if err != nil || ref != nil {
			p.afterReference(ref)
			return ref.orNil(), err
		}
		return p.noReference(from)
	}
	if p.pos < len(p.src) && p.src[p.pos] == '#' {
		return p.escapedDirective(from, slashes), nil
	}
	return nil, nil
}

// afterReference notes what Velocity's lexer, still within the reference, takes
// differently: after a member's name ## is no comment, after a call or an index
// a name is a token.
func (p *parser) afterReference(ref *refNode) {
	if ref == nil || len(ref.selectors) == 0 || strings.HasSuffix(ref.source, "}") {
		return
	}
	if ref.selectors[len(ref.selectors)-1].kind == selectProperty {
		p.noComment = p.pos
		return
	}
	p.afterCall = p.pos
}

// noReference returns what $ is when no name follows. In Velocity's lexer it
// joins what comes next: it vanishes before the directives of #if and before
// #set, keeps another directive from being one, and $! loses its !.
func (p *parser) noReference(from int) (node, error) {
	text, rest := p.src[from:p.pos], p.src[p.pos:]
	if strings.HasSuffix(text, "{") {
		if strings.HasPrefix(rest, "$") {
			return nil, p.unexpected("a name")
		}
		return nil, nil
	}
	if strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "[") {
		p.pos++
		return nil, nil
	}
	if after := strings.TrimLeft(rest, `\`); strings.HasPrefix(after, "$") {
		// Backslashes between $! and $ escape nothing.
		p.pos = len(p.src) - len(after)
		return nil, nil
	}
	if !strings.ContainsAny(rest[:min(1, len(rest))], "{}") {
		text = strings.TrimSuffix(text, "!")
	}
	return p.joined(from, text)
}

// joined returns what becomes of a $ or # without a name, printed as text,
// before what comes next.
func (p *parser) joined(from int, text string) (node, error) {
	rest := p.src[p.pos:]
	if setLength(strings.TrimLeft(rest, " \t")) > 0 {
		return textNode(""), nil
	}
	word, length := "", 0
	if strings.HasPrefix(rest, "#") {
		word, length = directiveWord(rest)
	}
	if control(strings.Trim(word, "{}")) {
		return textNode(""), nil
	}
	if word != "" {
		p.pos += length
		return p.macroCall("", from)
	}
	return textNode(text), p.wantMore()
}

// hashText reads a # that begins no directive.
func (p *parser) hashText() (node, error) {
	from := p.pos
	p.pos++
	rest := p.src[p.pos:]
	after := strings.TrimLeft(rest, `\`)
	switch {
	case len(after) < len(rest) && strings.HasPrefix(after, "$"):
		// Backslashes between # and $ escape nothing.
		p.pos = len(p.src) - len(after)
		return nil, nil
	case rest != "" && isDigit(rest[0]):
		p.pos += digits(rest, 0)
		return nil, nil
	}
	return p.joined(from, "#")
}

// escapedDirective reads backslashes before #. An odd number of them makes
// text of a directive; of two each, one is left before a directive we know.
func (p *parser) escapedDirective(from, slashes int) node {
	word, end := directiveWord(p.src[p.pos:])
	if word == "" {
		return nil
	}
	name := strings.Trim(word, "{}")
	if slashes%2 == 0 {
		if control(name) || word == name && (p.isDirective(name)) {
			return textNode(strings.Repeat(`\`, slashes/2))
		}
		return nil
	}
	text := p.src[p.pos : p.pos+end]
	p.pos += end
	if control(name) || name == "set" || p.isDirective(name) {
		return textNode(strings.Repeat(`\`, slashes/2) + text)
	}
	return nil
}

func control(name string) bool {
	return name == "if" || name == "else" || name == "elseif" || name == "end"
}

// isDirective tells whether name is a directive, or a macro defined so far.
func (p *parser) isDirective(name string) bool {
	switch name {
	case "foreach", "macro", "define", "break", "stop", "literal", "include", "parse", "evaluate":
		return true
	}
	return p.shared.macros[name] != nil
}

// directiveWord returns the word after #, in its braces if it has them, and
// how many bytes it takes with the #.
func directiveWord(s string) (word string, end int) {
	i := 1
	brace := i < len(s) && s[i] == '{'
	if brace {
		i++
	}
	from := i
	for i < len(s) && isWordByte(s[i]) && (i > from || s[i] < '0' || s[i] > '9') {
		i++
	}
	if i == from || brace && (i == len(s) || s[i] != '}' || s[from] == '@') {
		return "", 0
	}
	if brace {
		i++
	}
	return s[1:i], i
}

func isWordByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '_' || c == '@' }

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// hash reads what begins with #: a comment, a literal, a directive, or text.
func (p *parser) hash() (n node, end ending, err error) {
	rest := p.src[p.pos:]
	switch {
	case strings.HasPrefix(rest, "##") && p.pos == p.noComment:
		n, err := p.hashText()
		return n, 0, err
	case strings.HasPrefix(rest, "##"):
		p.lineComment()
		return textNode(""), 0, nil
	case strings.HasPrefix(rest, "#[["):
		n, err := p.textBlock()
		return n, 0, err
	case strings.HasPrefix(rest, "#*"):
		i := strings.Index(rest[2:], "*#")
		if i < 0 {
			return nil, 0, p.errf("Comment #* has no *#")
		}
		p.pos += i + 4
		return textNode(""), 0, nil
	case setLength(rest) > 0:
		n, err := p.set()
		return n, 0, err
	}
	word, length := directiveWord(rest)
	if word == "" {
		n, err := p.hashText()
		return n, 0, err
	}
	return p.directive(strings.Trim(word, "{}"), length)
}

// wantMore refuses a template that ends in a lone $ or #, as Velocity does.
func (p *parser) wantMore() error {
	if p.pos < len(p.src) || p.inString {
		return nil
	}
	return p.errf("Encountered end of template after %q", p.src[len(p.src)-1])
}

func (p *parser) lineComment() {
	i := strings.IndexAny(p.src[p.pos:], "\r\n")
	if i < 0 {
		p.pos = len(p.src)
		return
	}
	p.pos += i
	p.newline()
}

// newline moves over one line end.
func (p *parser) newline() bool {
	rest := p.src[p.pos:]
	switch {
	case strings.HasPrefix(rest, "\r\n"):
		p.pos += 2
	case strings.HasPrefix(rest, "\n"), strings.HasPrefix(rest, "\r"):
		p.pos++
	default:
		return false
	}
	return true
}

// lineEnd moves over blanks and a line end, if there is one: a directive
// takes the rest of an otherwise empty line with it.
func (p *parser) lineEnd() {
	from := p.pos
	p.pos = len(p.src) - len(strings.TrimLeft(p.src[p.pos:], " \t"))
	if !p.newline() {
		p.pos = from
	}
}

func (p *parser) textBlock() (node, error) {
	i := strings.Index(p.src[p.pos:], "]]#")
	if i < 0 {
		return nil, p.errf("Text #[[ has no ]]#")
	}
	text := p.src[p.pos+3 : p.pos+i]
	p.pos += i + 3
	return textNode(text), nil
}

// directive reads one by its name; length is that of the name with the #.
func (p *parser) directive(name string, length int) (n node, end ending, err error) {
	from := p.pos
	p.pos += length
	switch name {
	case "end":
		p.lineEnd()
		return nil, endEnd, nil
	case "else":
		p.lineEnd()
		return nil, endElse, nil
	case "elseif":
		return nil, endElseIf, nil
	case "if":
		n, err = p.ifDirective(from)
	case "foreach":
		n, err = p.foreach(from)
	case "macro":
		n, err = p.macro(from)
	case "define":
		n, err = p.define(from)
	case "literal":
		n, err = p.literalDirective(from)
	case "break", "stop":
		n, err = p.stopper(name)
	case "include", "parse", "evaluate":
		p.pos = from
		return nil, 0, p.errf("#%s is not supported", name)
	default:
		n, err = p.macroCall(name, from)
	}
	return n, 0, err
}

func (p *parser) ifDirective(from int) (node, error) {
	n := &ifNode{line: p.lineAt(from)}
	for {
		cond, err := p.condition()
		if err != nil {
			return nil, err
		}
		list, end, err := p.block()
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{cond, list})
		if end == endElseIf {
			continue
		}
		if end == endElse {
			n.otherwise, err = p.body("else", from)
			return n, err
		}
		return n, p.wantEnd(end, "if", from)
	}
}

// condition reads the expression in parentheses after #if and #elseif.
func (p *parser) condition() (expr, error) {
	p.blanks()
	if !p.take("(") {
		return nil, p.unexpected("(")
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	return e, p.closing()
}

// closing reads the ) of a directive and the rest of its line.
func (p *parser) closing() error {
	p.blanks()
	if !p.take(")") {
		return p.unexpected(")")
	}
	p.lineEnd()
	return nil
}

func (p *parser) set() (node, error) {
	line := p.lineAt(p.pos)
	p.pos += setLength(p.src[p.pos:])
	p.blanks()
	ref, err := p.wantReference()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if !p.take("=") {
		return nil, p.unexpected("=")
	}
	e, err := p.expression()
	if err != nil {
		return nil, err
	}
	return &setNode{line: line, ref: ref, value: e}, p.closing()
}

// hasArguments moves to the ( of a directive's arguments, if it has them.
func (p *parser) hasArguments() bool {
	rest := strings.TrimLeft(p.src[p.pos:], " \t\r\n")
	if !strings.HasPrefix(rest, "(") {
		return false
	}
	p.pos = len(p.src) - len(rest) + 1
	return true
}

// stopper reads #break and #stop.
func (p *parser) stopper(name string) (node, error) {
	n := &stopNode{err: errBreak}
	if name == "stop" {
		n.err = errStop
	}
	if p.hasArguments() {
		if _, err := p.arguments(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (p *parser) literalDirective(from int) (node, error) {
	if p.hasArguments() {
		if _, err := p.arguments(); err != nil {
			return nil, err
		}
	}
	inside := p.pos
	_, end, err := p.block()
	if err != nil {
		return nil, err
	}
	text := p.src[inside:p.pos]
	if i := strings.LastIndexByte(text, '#'); i >= 0 {
		text = text[:i]
	}
	return textNode(text), p.wantEnd(end, "literal", from)
}

func (p *parser) errf(format string, args ...any) error {
	line, column := p.place(p.pos)
	return &SyntaxError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

// unexpected says what stands where something else should.
func (p *parser) unexpected(want string) error {
	if p.pos >= len(p.src) {
		return p.errf("Encountered end of template, expected %s", want)
	}
	got := p.src[p.pos:]
	if len(got) > 10 {
		got = got[:10]
	}
	return p.errf("Encountered %q, expected %s", got, want)
}

// place returns the line and column of an offset in the whole template.
func (p *parser) place(pos int) (line, column int) {
	before := p.src[:min(pos, len(p.src))]
	n := strings.Count(before, "\n")
	if n == 0 {
		return p.line, p.column + len(before)
	}
	return p.line + n, len(before) - strings.LastIndexByte(before, '\n')
}

func (p *parser) lineAt(pos int) int {
	line, _ := p.place(pos)
	return line
}
