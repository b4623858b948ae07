package spltest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// multi calls a function of fields with several values.
func (e *evaluator) multi(name string, args []value) (value, error) {
	list := args[0].all()
	if name == "mvappend" {
		var out []string
		for _, arg := range args {
			out = append(out, arg.all()...)
		}
		return listOf(out), nil
	}
	if len(list) == 0 {
		return value{}, nil
	}
	switch name {
	case "mvcount":
		return numberOf(float64(len(list))), nil
	case "mvdedup":
		var out []string
		for _, v := range list {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
		return listOf(out), nil
	case "mvsort":
		list = slices.Clone(list)
		slices.Sort(list)
		return listOf(list), nil
	case "mvindex":
		return mvindex(list, args)
	}
	second, ok, err := args[1].one(name)
	if err != nil || !ok {
		return value{}, err
	}
	switch name {
	case "mvjoin":
		return textOf(strings.Join(list, second)), nil
	case "split":
		s, _, err := args[0].one(name)
		return listOf(strings.Split(s, second)), err
	case "mvfind":
		p, err := e.pattern(second)
		if err != nil {
			return value{}, err
		}
		if i := slices.IndexFunc(list, p.MatchString); i >= 0 {
			return numberOf(float64(i)), nil
		}
		return value{}, nil
	}
	return value{}, fmt.Errorf("the function is not understood here")
}

func mvindex(list []string, args []value) (value, error) {
	bounds := [2]int{}
	for i, arg := range args[1:] {
		n, ok, err := arg.float("mvindex")
		if err != nil || !ok {
			return value{}, err
		}
		if bounds[i] = int(n); n < 0 {
			bounds[i] += len(list)
		}
	}
	if len(args) == 2 {
		bounds[1] = bounds[0]
	}
	if bounds[0] < 0 || bounds[0] >= len(list) || bounds[1] < bounds[0] {
		return value{}, nil
	}
	return listOf(list[bounds[0] : min(bounds[1], len(list)-1)+1]), nil
}

func extreme(name string, args []value) (value, error) {
	var all []string
	for _, arg := range args {
		all = append(all, arg.all()...)
	}
	return extremeOf(name, all)
}

// extremeOf gives the least or greatest of values: by number if all are
// numbers, else as texts.
func extremeOf(name string, all []string) (value, error) {
	if len(all) == 0 {
		return value{}, nil
	}
	numbers := make([]float64, len(all))
	for i, s := range all {
		n, ok := parseNumber(s)
		if !ok {
			if name == "max" {
				return textOf(slices.Max(all)), nil
			}
			return textOf(slices.Min(all)), nil
		}
		numbers[i] = n
	}
	if name == "max" {
		return numberOf(slices.Max(numbers)), nil
	}
	return numberOf(slices.Min(numbers)), nil
}

func tostring(args []value) (value, error) {
	if len(args) == 2 {
		return value{}, fmt.Errorf("a format is not understood here")
	}
	if args[0].kind == boolean {
		if args[0].yes {
			return textOf("True"), nil
		}
		return textOf("False"), nil
	}
	s, ok, err := args[0].one("tostring")
	if err != nil || !ok {
		return value{}, err
	}
	return textOf(s), nil
}

func tonumber(texts []string) (value, error) {
	if len(texts) == 2 && texts[1] != "10" {
		base, err := strconv.Atoi(texts[1])
		if err != nil || base < 2 || base > 36 {
			return value{}, fmt.Errorf("%q is no base", texts[1])
		}
		n, err := strconv.ParseInt(texts[0], base, 64)
		if err != nil {
			return value{}, nil //nolint:nilerror // a text that is no number gives null
		}
		return numberOf(float64(n)), nil
	}
	n, ok := parseNumber(texts[0])
	if !ok {
		return value{}, nil
	}
	return numberOf(n), nil
}

func trim(name string, texts []string) value {
	cut := " \t"
	if len(texts) == 2 {
		cut = texts[1]
	}
	s := texts[0]
	if name != "rtrim" {
		s = strings.TrimLeft(s, cut)
	}
	if name != "ltrim" {
		s = strings.TrimRight(s, cut)
	}
	return textOf(s)
}

// substr counts characters from 1, and from the end if the start is negative.
func substr(args []value, s string) (value, error) {
	runes := []rune(s)
	start, ok, err := args[1].float("substr")
	if err != nil || !ok {
		return value{}, err
	}
	from := int(start) - 1
	if start < 0 {
		from = len(runes) + int(start)
	}
	if start == 0 || from < 0 {
		return value{}, undocumented("substr from %v of a text with %d characters", start, len(runes))
	}
	end := len(runes)
	if len(args) == 3 {
		n, ok, err := args[2].float("substr")
		if err != nil || !ok {
			return value{}, err
		}
		end = min(end, from+int(n))
	}
	if from >= end {
		return textOf(""), nil
	}
	return textOf(string(runes[from:end])), nil
}

func calculate(name string, texts []string) (value, error) {
	n := make([]float64, len(texts))
	for i, s := range texts {
		v, ok := parseNumber(s)
		if !ok {
			return value{}, nil
		}
		n[i] = v
	}
	switch name {
	case "floor":
		return numberOf(math.Floor(n[0])), nil
	case "ceil", "ceiling":
		return numberOf(math.Ceil(n[0])), nil
	case "abs":
		return numberOf(math.Abs(n[0])), nil
	case "sqrt":
		return numberOf(math.Sqrt(n[0])), nil
	case "pow":
		return numberOf(math.Pow(n[0], n[1])), nil
	case "round":
		scale := 1.0
		if len(n) == 2 {
			scale = math.Pow(10, n[1])
		}
		return numberOf(math.Round(n[0]*scale) / scale), nil
	}
	return value{}, fmt.Errorf("the function is not understood here")
}

// jsonCall calls a function of JSON. A path is that of names with dots, and
// {} or {n} for the elements of an array.
func jsonCall(name string, args []value) (value, error) {
	s, ok, err := args[0].one(name)
	if err != nil || !ok {
		return value{}, err
	}
	if name == "json_valid" {
		return booleanOf(json.Valid([]byte(s))), nil
	}
	if name == "json_array_to_mv" {
		if len(args) == 2 {
			return value{}, fmt.Errorf("a second argument is not understood here")
		}
		var list []json.RawMessage
		if json.Unmarshal([]byte(s), &list) != nil {
			return value{}, nil
		}
		out := make([]string, len(list))
		for i, element := range list {
			out[i] = jsonText(element)
		}
		return listOf(out), nil
	}
	if len(args) != 2 {
		return value{}, fmt.Errorf("%d paths are not understood here, one is", len(args)-1)
	}
	path, _, err := args[1].one(name)
	if err != nil {
		return value{}, err
	}
	found, err := jsonAt(json.RawMessage(s), path)
	if err != nil {
		return value{}, err
	}
	return listOf(found), nil
}

func jsonAt(at json.RawMessage, path string) ([]string, error) {
	for step := range strings.SplitSeq(path, ".") {
		name, index, array := strings.Cut(step, "{")
		var members map[string]json.RawMessage
		if json.Unmarshal(at, &members) != nil || members[name] == nil {
			return nil, nil
		}
		at = members[name]
		if !array {
			continue
		}
		i, err := strconv.Atoi(strings.TrimSuffix(index, "}"))
		if err != nil {
			return nil, fmt.Errorf("the path %q is not understood here", path)
		}
		var list []json.RawMessage
		if json.Unmarshal(at, &list) != nil || i < 0 || i >= len(list) {
			return nil, nil
		}
		at = list[i]
	}
	if string(at) == "null" {
		return nil, nil
	}
	return []string{jsonText(at)}, nil
}

// jsonText gives a text without its quotation marks, and all else as it is.
func jsonText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return s
	}
	return string(raw)
}

// strftime formats a time in UTC.
func strftime(t time.Time, format string) (string, error) {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; c {
		case 'w':
			out.WriteString(strconv.Itoa(int(t.Weekday())))
		case 'u':
			out.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 's':
			out.WriteString(strconv.FormatInt(t.Unix(), 10))
		case '%':
			out.WriteByte('%')
		default:
			const letters, layouts = "YmdHMSyjabBAFTpIzZ", "2006|01|02|15|04|05|06|002|Mon|Jan|January|Monday|2006-01-02|15:04:05|PM|03|-0700|MST"
			n := strings.IndexByte(letters, c)
			if n < 0 {
				return "", fmt.Errorf("%%%c is not understood here", c)
			}
			out.WriteString(t.UTC().Format(strings.Split(layouts, "|")[n]))
		}
	}
	return out.String(), nil
}
