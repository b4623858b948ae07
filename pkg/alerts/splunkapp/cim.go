package splunkapp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// Where events have what no subject of alerts is; both spellings are added.
const (
	mechanism = "data.authenticationInfo.metadata.mechanism data.authenticationInfo.credentials.mechanism"
	reasons   = "data.result.message data.authenticationInfo.errorMessage data.result.data.errors{}.detail data.result.data.errorType"
	crn       = "subject data.resourceName"
	eventType = "type"
)

// expressions are the values that fields of the CIM are made of.
type expressions struct {
	principal, target, sourceIP, method, result, resource, cluster, environment, role string
	mechanism, reason, crn, eventType                                                 string
}

func newExpressions() (x expressions, err error) {
	for name, to := range map[string]*string{
		"principal": &x.principal, "target": &x.target, "source_ip": &x.sourceIP, "method": &x.method, "result": &x.result,
		"resource": &x.resource, "cluster": &x.cluster, "environment": &x.environment, "role": &x.role,
	} {
		if *to, err = subject(name); err != nil {
			return x, err
		}
	}
	for list, to := range map[string]*string{mechanism: &x.mechanism, reasons: &x.reason, crn: &x.crn, eventType: &x.eventType} {
		paths, err := spelled(list)
		if err != nil {
			return x, err
		}
		*to = values(paths)
	}
	return x, nil
}

// status is how it ended, in the words of the CIM. An outcome that is none of
// these words is no success; without one there is no status.
func (x expressions) status() string {
	return fmt.Sprintf(`case(match(%s, "(?i)^(SUCCESS|ALLOW|TRUE)$"), "success", match(%s, "(?i)^UNSET$"), null(), isnotnull(%s), "failure")`, x.result, x.result, x.result)
}

// is reports whether the method is one of some. Of in() Splunk documents fields
// alone as what is looked for; match takes any expression.
func (x expressions) is(methods []string) string {
	patterns := make([]string, len(methods))
	for i, m := range methods {
		patterns[i] = regexp.QuoteMeta(m)
	}
	return fmt.Sprintf(`match(%s, "^(%s)$")`, x.method, strings.Join(patterns, "|"))
}

// commonFields are the fields of the data models Authentication and Change of
// the Common Information Model, from both shapes of events.
func commonFields(methods []method) ([]alerts.Setting, error) {
	x, err := newExpressions()
	if err != nil {
		return nil, err
	}
	changes := func(areas ...string) []string {
		return names(methods, func(m method) bool { return m.activity == "change" && slices.Contains(areas, m.area) })
	}
	accounts := x.is(changes("account"))

	actions := []string{fmt.Sprintf(`match(%s, "/authentication$") OR %s="SignIn", %s`, x.eventType, x.method, x.status())}
	var known []string
	for _, m := range methods {
		if m.action != "" && !slices.Contains(known, m.action) {
			known = append(known, m.action)
		}
	}
	slices.Sort(known)
	for _, action := range known {
		of := names(methods, func(m method) bool { return m.action == action })
		actions = append(actions, fmt.Sprintf(`%s, "%s"`, x.is(of), action))
	}
	kinds := []string{
		x.is(changes("account", "aaa")) + `, "AAA"`,
		x.is(changes("network")) + `, "network"`,
		x.is(changes("audit")) + `, "audit"`,
		x.is(changes("")) + `, "configuration"`,
	}

	var all []alerts.Setting
	add := func(name, value string) { all = append(all, alerts.Setting{Key: "EVAL-" + name, Value: value}) }
	add("action", "case("+strings.Join(actions, ", ")+")")
	add("app", `"Confluent Cloud"`)
	add("authentication_method", x.mechanism)
	add("change_type", "case("+strings.Join(kinds, ", ")+")")
	add("command", x.method)
	add("dest", fmt.Sprintf(`coalesce(%s, %s, "confluent.cloud")`, x.cluster, x.environment))
	add("object", x.resource)
	add("object_attrs", fmt.Sprintf("if(%s, %s, null())", accounts, x.role))
	add("object_id", x.resource)
	add("object_path", x.crn)
	add("reason", x.reason)
	add("result", x.result)
	add("signature", x.method)
	add("src", x.sourceIP)
	// Of a change to an account, the user is the account, and src_user who did it.
	add("src_user", fmt.Sprintf("if(%s, %s, null())", accounts, x.principal))
	add("status", x.status())
	add("user", fmt.Sprintf("if(%s, %s, %s)", accounts, x.target, x.principal))
	add("vendor_product", `"Confluent Cloud"`)
	return all, nil
}

// eventTypes say which events are of which data model. Splunk allows no pipes
// in them.
func eventTypes(methods []method) []alerts.Stanza {
	const sourcetype = `sourcetype="confluent:auditlog"`
	called := func(list []string) string {
		return fmt.Sprintf("(data.methodName IN (%s) OR data.method_name IN (%s))", quotedList(list), quotedList(list))
	}
	// Kafka writes an event for each permission of a change and, if it is given,
	// one for the request. A change is counted once: the request, or the refusal.
	const settled = `(type="io.confluent.*/request" OR data.authorizationInfo.granted="false" OR data.authorizationInfo.result="DENY" OR data.authorization_info.granted="false" OR data.authorization_info.result="DENY")`
	const noDryRun = `NOT data.request.data.validateOnly="true" NOT data.request.data.validate_only="true"`
	changes := func(areas ...string) string {
		of := names(methods, func(m method) bool {
			return m.activity == "change" && (len(areas) == 0 || slices.Contains(areas, m.area))
		})
		return strings.Join([]string{sourcetype, settled, called(of), noDryRun}, " ")
	}
	stanza := func(name, description, search string) alerts.Stanza {
		return alerts.Stanza{Name: name, Settings: []alerts.Setting{{Key: "description", Value: description}, {Key: "search", Value: search}}}
	}
	return []alerts.Stanza{
		stanza("confluent_audit_authentication", "Somebody or something showed its credentials",
			sourcetype+` (type="io.confluent.*/authentication" OR data.methodName="SignIn" OR data.method_name="SignIn")`),
		stanza("confluent_audit_change", "Something was changed, or was to be and was refused", changes()),
		stanza("confluent_audit_account_change", "A user, a service account or its roles were changed", changes("account")),
		stanza("confluent_audit_network_change", "A network, a peering or an address filter was changed", changes("network")),
		stanza("confluent_audit_log_change", "The audit log itself was changed", changes("audit")),
	}
}

func quotedList(list []string) string { return `"` + strings.Join(list, `", "`) + `"` }
