package sigma

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/testdata/events"
)

// tenRules is what a configuration of filters looks like: mostly the method,
// often a list of them, then who did it, how it ended, and to what.
const tenRules = `
title: Authorizations that were granted
logsource: {product: confluent}
detection:
  selection:
    data.methodName: mds.Authorize
    data.authorizationInfo.granted: true
  condition: selection
---
title: Denied by the authorizer
logsource: {product: confluent}
detection:
  selection:
    type: io.confluent.kafka.server/authorization
    data.authorizationInfo.granted: false
  internal:
    data.authenticationInfo.principal|contains: ['User:pool-', 'User:sa-int']
  condition: selection and not internal
---
title: Authentications that failed
logsource: {product: confluent}
detection:
  selection:
    data.methodName|endswith: [.Authentication, .Authenticate]
    data.result.status: [FAILURE, UNAUTHENTICATED]
  condition: selection
---
title: Something was deleted
logsource: {product: confluent}
detection:
  selection:
    data.methodName: [DeleteKafkaCluster, DeleteEnvironment, DeleteNetwork, DeleteServiceAccount, DeleteAPIKey, DeleteConnector, kafka.DeleteTopics]
  production:
    data.cloudResources{}.scope.resources{}.resourceId: [env-k3v9xq, env-7p2mzd]
  condition: selection and production
---
title: A powerful role was given
logsource: {product: confluent}
detection:
  selection:
    data.methodName: [BindRoleForPrincipal, CreateRoleBinding]
  role:
    data.request.data.role_name: [OrganizationAdmin, EnvironmentAdmin, CloudClusterAdmin]
  condition: selection and role
---
title: From outside
logsource: {product: confluent}
detection:
  user:
    data.authenticationInfo.principal.email|endswith: '@example.com'
  inside:
    data.requestMetadata.clientAddress{}.ip|cidr: [10.0.0.0/8, 192.0.2.0/24]
  condition: user and not inside
---
title: Reading
logsource: {product: confluent}
detection:
  selection:
    data.methodName|re: '^(Get|List)[A-Z]'
    data.request.accessType: READ_ONLY
  condition: selection
---
title: A person's key
logsource: {product: confluent}
detection:
  selection:
    data.methodName: CreateAPIKey
  machine:
    data.request.data.owner|startswith: sa-
  condition: selection and not machine
---
title: Flink
logsource: {product: confluent}
detection:
  selection:
    - data.methodName|startswith: flink.
    - data.serviceName|contains: /flink-region=
  condition: selection
---
title: Kafka's noise
logsource: {product: confluent}
detection:
  noise1:
    data.methodName: [kafka.Fetch, kafka.Produce, kafka.FetchConsumer]
    data.authorizationInfo.granted: true
  noise2:
    data.methodName: kafka.Authentication
    data.authenticationInfo.result: SUCCESS
  keep:
    data.authorizationInfo.superUserAuthorization: true
  condition: 1 of noise* and not keep
`

func compileText(tb testing.TB, text string) *Set {
	tb.Helper()
	rules, err := Parse("rules.yml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	set, err := Compile(rules)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// compactEvents are the events of testdata as they come: without white space.
func compactEvents(tb testing.TB) (names []string, values [][]byte) {
	tb.Helper()
	names, err := fs.Glob(events.FS, "*.json")
	if err != nil || len(names) == 0 {
		tb.Fatalf("no events: %v", err)
	}
	for _, name := range names {
		text, err := events.FS.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Compact(&b, text); err != nil {
			tb.Fatal(err)
		}
		values = append(values, b.Bytes())
	}
	return names, values
}

// BenchmarkMatch matches ten rules against an event of 1.5 KB, of the kind
// that most events are, and beside it proves that the same event is JSON.
func BenchmarkMatch(b *testing.B) {
	set := compileText(b, tenRules)
	_, values := compactEvents(b)
	size := 0
	for _, v := range values {
		size += len(v)
	}
	run := func(name string, size int, do func(event []byte), values ...[]byte) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for i := 0; b.Loop(); i++ {
				do(values[i%len(values)])
			}
		})
	}
	big := sized(b, 1500)
	m := set.NewMatcher()
	match := func(event []byte) { m.Match(event) }
	read := func(event []byte) {
		if _, err := audit.ReadEvent(event); err != nil {
			b.Fatal(err)
		}
	}
	run("1.5KB", len(big), match, big)
	run("1.5KB/ReadEvent", len(big), read, big)
	words := compileText(b, "title: x\nlogsource: {}\ndetection: {s: [mimikatz, evil, 'a*bcdef', OrganizationAdmin, env-prod], condition: s}\n").NewMatcher()
	run("1.5KB/keywords", len(big), func(event []byte) { words.Match(event) }, big)
	run("all", size/len(values), match, values...)
	run("all/ReadEvent", size/len(values), read, values...)
}

// sized is the event of testdata that comes closest to a size and that no
// rule of tenRules matches.
func sized(tb testing.TB, size int) []byte {
	tb.Helper()
	m := compileText(tb, tenRules).NewMatcher()
	var best []byte
	_, values := compactEvents(tb)
	for _, v := range values {
		if off, bestOff := len(v)-size, len(best)-size; off*off < bestOff*bestOff && len(m.Match(v)) == 0 {
			best = v
		}
	}
	return best
}
