package vtl

import "strings"

// The parser of references: $name, $!name, ${name}, with .property,
// .method(arguments) and [index] after the name.

// wantReference reads a reference where there must be one.
func (p *parser) wantReference() (*refNode, error) {
	if p.pos >= len(p.src) || p.src[p.pos] != '$' {
		return nil, p.unexpected("a reference")
	}
	ref, err := p.reference(0)
	if err == nil && ref == nil {
		err = p.unexpected("a reference")
	}
	return ref, err
}

// reference reads a reference at $, before which stand so many backslashes.
// It returns nil, having moved over the $, if what follows is no reference.
func (p *parser) reference(slashes int) (*refNode, error) {
	n := &refNode{line: p.lineAt(p.pos), slashes: slashes}
	dollars := 0
	for p.take("$") {
		dollars++
	}
	n.dollars = dollars - 1
	from := p.pos - 1
	quiet := p.take("!")
	formal := p.take("{")
	name := p.identifier()
	if name == "" {
		return nil, nil
	}
	if name == "true" || name == "false" {
		return nil, p.errf("%s is not the name of a variable", name)
	}
	n.odd = quiet || formal
	n.slot = p.slot(name)
	n.name = name
	if err := p.selectors(n); err != nil {
		return nil, err
	}
	if formal && !p.take("}") {
		return nil, p.unexpected("}")
	}
	n.source = p.src[from:p.pos]
	n.prepare()
	return n, nil
}

// identifier reads a name, which may have dashes.
func (p *parser) identifier() string {
	from := p.pos
	i := p.pos
	for i < len(p.src) {
		c := p.src[i]
		if !isAlpha(c) && c != '_' && (i == from || !isDigit(c) && c != '-') {
			break
		}
		i++
	}
	p.pos = i
	return p.src[from:i]
}

func (p *parser) selectors(n *refNode) error {
	for {
		rest := p.src[p.pos:]
		switch {
		case strings.HasPrefix(rest, "["):
			s, err := p.index()
			if err != nil {
				return err
			}
			n.selectors = append(n.selectors, s)
		case len(rest) > 1 && rest[0] == '.' && isAlpha(rest[1]):
			p.pos++
			s := selector{kind: selectProperty, name: p.identifier()}
			if s.name == "true" || s.name == "false" {
				return p.errf("%s is not the name of a member", s.name)
			}
			if p.take("(") {
				s.kind = selectMethod
				if err := p.callArguments(&s); err != nil {
					return err
				}
			}
			n.selectors = append(n.selectors, s)
		default:
			return nil
		}
	}
}

func (p *parser) index() (selector, error) {
	p.pos++
	p.blanks()
	e, err := p.nested()
	if err != nil {
		return selector{}, err
	}
	switch e.(type) {
	case listExpr, rangeExpr, mapExpr:
		return selector{}, p.errf("An index must be a string, an integer or a reference")
	}
	p.blanks()
	if !p.take("]") {
		return selector{}, p.unexpected("]")
	}
	return selector{kind: selectIndex, args: []expr{e}}, nil
}

// callArguments reads the arguments of a method and makes ready what they
// decide when they are constant.
func (p *parser) callArguments(s *selector) error {
	if from := p.pos; p.skipped() > from && strings.HasPrefix(p.src[p.pos:], ")") {
		return p.unexpected("a value")
	}
	for !p.take(")") {
		if len(s.args) > 0 && !p.take(",") {
			return p.unexpected(")")
		}
		e, err := p.nested()
		if err != nil {
			return err
		}
		s.args = append(s.args, e)
		p.blanks()
	}
	s.method = methods[s.name]
	if err := s.precompile(); err != nil {
		return p.errf("%s", err)
	}
	return nil
}

// arguments reads those of a directive: values with blanks or commas between
// them, up to ) and the rest of its line.
func (p *parser) arguments() ([]expr, error) {
	var list []expr
	for {
		p.blanks()
		if p.take(")") {
			p.lineEnd()
			return list, nil
		}
		if p.take(",") {
			p.blanks()
		}
		if word := p.word(); word != "" && word != "true" && word != "false" {
			p.pos += len(word)
			list = append(list, wordExpr(word))
			continue
		}
		e, err := p.nested()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
}

// noWords refuses words as arguments.
func (p *parser) noWords(name string, args []expr) error {
	for _, a := range args {
		if w, ok := a.(wordExpr); ok {
			return p.errf("Invalid argument %q of #%s", string(w), name)
		}
	}
	return nil
}

func (p *parser) foreach(from int) (node, error) {
	if !p.hasArguments() {
		return nil, p.unexpected("(")
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	if len(args) < 3 {
		return nil, p.errf("Too few arguments to the #foreach directive")
	}
	item, ok := args[0].(*refNode)
	in, ok2 := args[1].(wordExpr)
	if !ok || !ok2 || len(args) > 3 {
		return nil, p.errf("#foreach expects ($item in $list), not %s", in)
	}
	if err := p.noWords("foreach", args[2:]); err != nil {
		return nil, err
	}
	n := &foreachNode{
		line: p.lineAt(from), item: item.slot, list: args[2],
		count: p.slot("velocityCount"), hasNext: p.slot("velocityHasNext"), scope: p.slot("foreach"),
	}
	n.body, err = p.body("foreach", from)
	return n, err
}

func (p *parser) define(from int) (node, error) {
	if !p.hasArguments() {
		return nil, p.unexpected("(")
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	if len(args) != 1 {
		return nil, p.errf("#define expects one reference")
	}
	ref, ok := args[0].(*refNode)
	if !ok {
		return nil, p.errf("#define expects a reference")
	}
	n := &defineNode{slot: ref.slot}
	n.body, err = p.body("define", from)
	return n, err
}

func (p *parser) macro(from int) (node, error) {
	if !p.hasArguments() {
		return nil, p.errf("A macro declaration requires at least a name argument")
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, p.errf("A macro declaration requires at least a name argument")
	}
	name, ok := args[0].(wordExpr)
	if !ok {
		return nil, p.errf("Invalid first argument of #macro: must be a word")
	}
	m := &macro{name: string(name)}
	for _, a := range args[1:] {
		ref, ok := a.(*refNode)
		if !ok {
			return nil, p.errf("Invalid argument of #macro: must be a reference")
		}
		m.params = append(m.params, ref.slot)
	}
	if m.body, err = p.body("macro", from); err != nil {
		return nil, err
	}
	// The first definition of a name stays: Velocity does not let a template
	// replace a macro.
	if p.shared.macros[m.name] == nil {
		m.defined = true
		p.shared.define(m)
	}
	return textNode(""), nil
}

// define makes m known; calls read before it point at the same value.
func (s *symbols) define(m *macro) {
	if old := s.called[m.name]; old != nil {
		*old = *m
		m = old
	}
	s.macros[m.name] = m
}

// macroCall reads a word that may be a macro, now or later in the template.
func (p *parser) macroCall(name string, from int) (node, error) {
	block := strings.HasPrefix(name, "@")
	n := &macroNode{line: p.lineAt(from)}
	if p.hasArguments() {
		args, err := p.arguments()
		if err != nil {
			return nil, err
		}
		n.args = args
		if m := p.shared.macros[strings.TrimPrefix(name, "@")]; m != nil {
			if err := p.noWords(name, args); err != nil {
				return nil, err
			}
		}
	} else if block {
		p.pos = from + len(name) + 1
		return textNode(p.src[from:p.pos]), nil
	}
	n.literal = p.src[from:p.pos]
	name = strings.TrimPrefix(name, "@")
	n.macro = p.shared.call(name)
	if !block {
		return n, nil
	}
	body, err := p.body("@"+name, from)
	n.body = &defineNode{slot: p.slot("bodyContent"), body: body}
	n.literal = p.src[from:p.pos]
	return n, err
}

// call returns the macro of a name, which may be defined later.
func (s *symbols) call(name string) *macro {
	if m := s.macros[name]; m != nil {
		return m
	}
	if s.called[name] == nil {
		s.called[name] = &macro{name: name}
	}
	return s.called[name]
}
