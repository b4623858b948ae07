package spltest

import (
	"slices"
	"strings"
	"unicode"
)

// variations change an event. The first gives its twin in the other spelling.
func variations() []func(*document) *document {
	return []func(*document) *document{twin, otherPrincipal, large, asTexts, shouting, withNulls, emptied, doubled, lists}
}

// twin spells names in snake_case, or in camelCase if they are in the other.
func twin(d *document) *document {
	snake := !strings.Contains(string(d.append(nil)), `"method_name"`)
	return d.change(nil, func(_ []string, d *document) *document {
		for i, name := range d.names {
			d.names[i] = respell(name, snake)
		}
		return d
	})
}

func respell(name string, snake bool) string {
	var out strings.Builder
	upper := false
	for i, c := range name {
		switch {
		case snake && unicode.IsUpper(c) && i > 0:
			out.WriteByte('_')
			out.WriteRune(unicode.ToLower(c))
		case !snake && c == '_' && i > 0:
			upper = true
		case upper:
			out.WriteRune(unicode.ToUpper(c))
			upper = false
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

// otherPrincipal makes an object of the principal that is a text, and a text of
// one that is an object.
func otherPrincipal(d *document) *document {
	return d.change(nil, func(path []string, d *document) *document {
		n := len(path)
		if n < 2 || path[n-1] != "principal" || !slices.Contains([]string{"authenticationInfo", "authentication_info"}, path[n-2]) {
			return d
		}
		if d.object {
			return &document{literal: `"User:sa-7kv9qp"`}
		}
		return &document{object: true, names: []string{"confluentServiceAccount"}, parts: []*document{
			{object: true, names: []string{"resourceId"}, parts: []*document{{literal: `"sa-7kv9qp"`}}},
		}}
	})
}

// large puts 6000 bytes before all else, beyond which Splunk extracts nothing
// by default.
func large(d *document) *document {
	out := *d
	out.names = append([]string{"pad"}, d.names...)
	out.parts = append([]*document{{literal: quote(strings.Repeat("p", 6000))}}, d.parts...)
	return &out
}

func scalars(d *document, f func(literal string) string) *document {
	return d.change(nil, func(_ []string, d *document) *document {
		if !d.object && !d.array {
			d.literal = f(d.literal)
		}
		return d
	})
}

// asTexts puts numbers and booleans into quotation marks.
func asTexts(d *document) *document {
	return scalars(d, func(literal string) string {
		if literal == "null" || strings.HasPrefix(literal, `"`) {
			return literal
		}
		return `"` + literal + `"`
	})
}

// shouting puts values into capitals.
func shouting(d *document) *document {
	return scalars(d, func(literal string) string {
		if strings.Contains(literal, `\`) || !strings.HasPrefix(literal, `"`) {
			return literal
		}
		return strings.ToUpper(literal)
	})
}

// withNulls puts null where a result, a status or an address was.
func withNulls(d *document) *document {
	return replaced(d, func(*document) *document { return &document{literal: "null"} },
		"result", "status", "granted", "ip", "email", "resourceId", "errorMessage", "error_message", "client_ip")
}

// emptied puts empty texts there.
func emptied(d *document) *document {
	return replaced(d, func(old *document) *document {
		if old.object || old.array {
			return old
		}
		return &document{literal: `""`}
	}, "status", "granted", "ip", "email", "errorMessage")
}

func replaced(d *document, with func(*document) *document, names ...string) *document {
	return d.change(nil, func(_ []string, d *document) *document {
		for i, name := range d.names {
			if slices.Contains(names, name) {
				d.parts[i] = with(d.parts[i])
			}
		}
		return d
	})
}

// doubled puts a second element with other values into each array.
func doubled(d *document) *document {
	return d.change(nil, func(_ []string, d *document) *document {
		if !d.array || len(d.parts) == 0 {
			return d
		}
		other := scalars(d.parts[0], func(literal string) string {
			if strings.HasPrefix(literal, `"`) {
				return `"other ` + literal[1:]
			}
			return "4711"
		})
		d.parts = append(d.parts, other)
		return d
	})
}

// lists makes lists of single texts below data.
func lists(d *document) *document {
	return d.change(nil, func(path []string, d *document) *document {
		if len(path) == 2 && path[0] == "data" && !d.object && !d.array {
			return &document{array: true, parts: []*document{{literal: `"first"`}, d}}
		}
		return d
	})
}
