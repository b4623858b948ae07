package alerts

import (
	"slices"
	"strings"
	"unicode"

	"auditlog-forwarder/pkg/sigma"
)

// subjects is the table behind Subjects: paths in the spelling of
// methodName, to which that of method_name is added.
func subjects() []definition {
	return []definition{
		{
			name: "principal", trim: "User:", doc: "who did it: a user, service account, identity pool or group",
			paths: []string{
				"data.authenticationInfo.principalResourceId",
				"data.authenticationInfo.principal.confluentUser.resourceId",
				"data.authenticationInfo.principal.confluentServiceAccount.resourceId",
				"data.authenticationInfo.principal.identityPool.resourceId",
				"data.authenticationInfo.principal.group.resourceId",
				"data.authenticationInfo.principal.externalAccount.subject",
				"data.authenticationInfo.principal.confluentInternal.resourceId",
				"data.authenticationInfo.principal",
				"data.authenticationInfo.principal.email",
			},
		},
		{name: "email", doc: "the e-mail address of who did it", paths: []string{"data.authenticationInfo.principal.email"}},
		{
			name: "credential", doc: "the API key, token subject or certificate that was shown",
			paths: []string{
				"data.authenticationInfo.metadata.identifier",
				"data.authenticationInfo.credentials.idSecretCredentials.credentialId",
				"data.authenticationInfo.credentials.idTokenCredentials.subject",
				"data.authenticationInfo.credentials.certificateCredentials.dname.cn",
				"data.authenticationInfo.credentials.delegateCredentials.delegateCredentials.idSecretCredentials.credentialId",
			},
		},
		{
			name: "source_ip", trim: "/", doc: "the address that the request came from",
			paths: []string{
				"data.clientAddress{}.ip",
				"data.requestMetadata.clientAddress{}.ip",
				"data.authorizationInfo.requestMetadata.clientAddress{}.ip",
				"data.authorizationInfo.ipfilterAuthorization.clientIp",
				"data.requestMetadata.clientAddress",
			},
		},
		{name: "client_id", doc: "the client's own name for itself", paths: []string{"data.request.clientId", "data.requestMetadata.clientId"}},
		{name: "method", doc: "what was done, such as DeleteKafkaCluster", paths: []string{"data.methodName"}},
		{
			name: "result", doc: "how it ended: SUCCESS, FAILURE, UNAUTHENTICATED, ALLOW, DENY, true or false",
			paths: []string{
				"data.result.status",
				"data.authorizationInfo.result",
				"data.authorizationInfo.granted",
				"data.authenticationInfo.result",
			},
		},
		{
			name: "resource", doc: "what it was done to: the topic, cluster, key or account",
			paths: []string{
				"data.authorizationInfo.resourceName",
				"data.cloudResources{}.resource.resourceId",
				"data.resourceName",
				"subject",
			},
		},
		{
			name: "resources", all: true, doc: "all that it was done to, where one request names several",
			paths: []string{"data.authorizationInfo.resourceName", "data.cloudResources{}.resource.resourceId"},
		},
		{
			name: "resource_type", doc: "the kind of resource",
			paths: []string{"data.authorizationInfo.resourceType", "data.cloudResources{}.resource.type", "data.cloudResources{}.resource.resourceType"},
		},
		{
			name: "cluster", find: "(lkc|lsrc|lksqlc)-[0-9a-z]+", doc: "the cluster that it was done in: lkc-…, lsrc-… or lksqlc-…",
			paths: []string{
				"data.cloudResources{}.resource.resourceId",
				"data.cloudResources{}.scope.resources{}.resourceId",
				"data.resourceName",
				"data.serviceName",
				"subject", // and not source, which in Splunk is another field
			},
		},
		{
			name: "environment", find: "env-[0-9a-z]+", doc: "the environment that it was done in: env-…",
			paths: []string{
				"data.cloudResources{}.resource.resourceId",
				"data.cloudResources{}.scope.resources{}.resourceId",
				"data.authorizationInfo.rbacAuthorization.scope.outerScope{}",
				"data.resourceName",
				"subject",
			},
		},
		{
			name: "role", doc: "the role that is given or taken, or that allowed it",
			paths: []string{"data.request.data.roleName", "data.request.data.role", "data.authorizationInfo.rbacAuthorization.role"},
		},
		{
			name: "target", trim: "User:", doc: "the principal that the event is about",
			paths: []string{
				"data.request.data.principal",
				"data.request.data.userResourceId",
				"data.request.data.userId",
				"data.request.data.ownerResourceId",
				"data.request.data.email",
				"data.cloudResources{}.resource.resourceId",
			},
		},
		{name: "operation", doc: "the operation that was asked for", paths: []string{"data.authorizationInfo.operation", "data.authorizationInfo.rbacAuthorization.operation"}},

		{name: "instance", source: Heartbeat, doc: "the host of the forwarder", paths: []string{"heartbeat.instance"}},
		{name: "lag_seconds", source: Heartbeat, doc: "the age of the oldest event that is not delivered", paths: []string{"heartbeat.lagSeconds"}},
		{name: "lag_records", source: Heartbeat, doc: "how many records are not delivered", paths: []string{"heartbeat.lagRecords"}},
		{name: "blocked", source: Heartbeat, doc: "why the forwarder is not ready", paths: []string{"heartbeat.blocked"}},
		{name: "dead_lettered", source: Heartbeat, doc: "dead letters since the start", paths: []string{"heartbeat.deadLettered"}},
		{name: "lost_ground", source: Heartbeat, doc: "events that expired before they were read, since the start", paths: []string{"heartbeat.lostGround"}},
		{name: "last_delivered", source: Heartbeat, doc: "when an event was last delivered", paths: []string{"heartbeat.lastDelivered"}},
		{name: "last_event", source: Heartbeat, doc: "the time of the newest event that was delivered", paths: []string{"heartbeat.lastEvent"}},
	}
}

type definition struct {
	name, doc, trim, find string
	source                Source
	all                   bool
	paths                 []string
}

// Subjects lists all of them, each with its paths in both spellings.
func Subjects() []Subject {
	table := subjects()
	all := make([]Subject, 0, len(table))
	for _, d := range table {
		s := Subject{Name: d.name, Doc: d.doc, Source: d.source, All: d.all, Trim: d.trim, Find: d.find}
		for _, text := range d.paths {
			for _, spelt := range []string{text, snake(text)} {
				path, err := sigma.ParsePath(spelt)
				if err != nil || slices.ContainsFunc(s.Paths, func(p sigma.Path) bool { return p.String() == spelt }) {
					continue // a test holds that every path can be read
				}
				s.Paths = append(s.Paths, path)
			}
		}
		all = append(all, s)
	}
	return all
}

// subjectNames are those that events of a source have.
func subjectNames(of Source) (names []string) {
	for _, d := range subjects() {
		if d.source == of {
			names = append(names, d.name)
		}
	}
	return names
}

// snake writes clientAddress{}.ip as client_address{}.ip.
func snake(path string) string {
	var b strings.Builder
	for _, c := range path {
		if unicode.IsUpper(c) {
			b.WriteByte('_')
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}
