// Package sigma reads Sigma rules, the common language of detections, and
// matches them against audit events. It follows the Sigma specification 2.1;
// docs/sigma.md says what of it is supported and how fields are written.
//
// Parse reads rules from YAML, Compile makes a Set of them, and a Matcher of
// the set tells which rules an event matches, in one pass over its bytes.
package sigma

import (
	"net/netip"
	"regexp"

	"gopkg.in/yaml.v3"
)

// Rule is one Sigma rule.
type Rule struct {
	Title, ID, Name, Status, Description, License string
	Author, Date, Modified, Level                 string
	Tags, Fields, FalsePositives, References      []string

	LogSource LogSource
	Detection Detection

	// Extra holds the members that Sigma leaves to its users. A member that is
	// not known is there too: who reads Extra has to refuse what it does not
	// know, with At.
	Extra map[string]*yaml.Node

	File string
	Line int // where the rule's document starts
}

// LogSource says which log a rule is for. It is read and not evaluated: the
// one log here is the audit log.
type LogSource struct{ Category, Product, Service, Definition string }

// Detection is what a rule looks for.
type Detection struct {
	Searches  []*Search // in the order of the file
	Condition Expr      // a list of conditions is an Or of them
}

// Search is one search identifier: a name and what it stands for.
type Search struct {
	Name         string
	Expr         Expr
	Line, Column int
}

// Expr is a node of a detection: And, Or, Not, Ref or *Test.
type Expr interface{ expr() }

// And is true if all of its parts are.
type And []Expr

// Or is true if one of its parts is.
type Or []Expr

// Not is true if its part is not.
type Not struct{ Expr Expr }

// Ref stands for a search in a condition.
type Ref struct{ Search *Search }

// Test asks the values at a path for something.
type Test struct {
	Path  Path // the zero Path: every name and value of the event (keywords)
	Op    Op
	Cased bool
	All   bool      // each operand must match a value; else one operand must
	Of    []Operand // none for Exists and Null

	Line, Column int
}

func (And) expr()   {}
func (Or) expr()    {}
func (Not) expr()   {}
func (Ref) expr()   {}
func (*Test) expr() {}

// Op is what a Test asks.
type Op uint8

// The questions.
const (
	Match  Op = iota // the text is like Operand.Pattern
	Regexp           // the text has a match of Operand.Regexp
	CIDR             // the text is an address in Operand.Prefix
	Less             // the text is a number below Operand.Number
	LessEq           // … not above
	More             // … above
	MoreEq           // … not below
	Same             // the text is that of a value at Operand.Field
	Exists           // the path is in the event, whatever its value
	Null             // the path is not in the event, or a value is null
)

// Operand is one value of a rule.
type Operand struct {
	Text         string // as the rule has it
	Kind         Kind   // String, Number, True or False
	Line, Column int

	Pattern Pattern        // for Match
	Regexp  *regexp.Regexp // for Regexp
	Prefix  netip.Prefix   // for CIDR
	Number  float64        // for Less, LessEq, More, MoreEq
	Field   Path           // for Same
}

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds of JSON values.
const (
	String Kind = iota
	Number
	True
	False
	NullValue
	Object
	Array
)
