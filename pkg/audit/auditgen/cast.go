package auditgen

// kind says what a slot is filled with.
type kind uint8

const (
	literal kind = iota
	// Values that are new in every event.
	freshUUID
	freshHex
	freshDigits // n: how many
	freshPort
	freshKey
	freshID // n: which of the event's new resources
	eventTime
	// The cast: drawn from the organisation once per event.
	orgID
	envID
	clusterID
	otherClusterID
	registryID
	ksqlID
	computePoolID
	connectorID
	networkID
	providerID
	groupID
	poolID
	otherPoolID
	userID
	userNumber
	userMail
	userIP
	userIP6
	userMemberships
	otherUserID
	otherUserMail
	accountID
	accountNumber
	accountKey
	accountIP
	accountClient
	accountMemberships
	strangerIP
	topicName
	otherTopicName
	consumerGroup
)

// part is a member of the cast: wherever its name stands in a template is a
// slot for whom it plays.
type part struct {
	name string
	kind kind
}

// cast lists every name that testdata/events uses for somebody or something
// that differs from event to event.
func cast() []part {
	return []part{
		{"6e1c4b0a-72d5-4f39-9a8e-c1d20b7f5e43", orgID},
		{"env-k3v9xq", envID},
		{"lkc-q4z8wd", clusterID},
		{"lkc-m2x7ry", otherClusterID},
		{"lsrc-d8n3kv", registryID},
		{"lksqlc-7v2pnd", ksqlID},
		{"lfcp-w5r1ke", computePoolID},
		{"lcc-3zk8tq", connectorID},
		{"n-6wq2jd", networkID},
		{"op-8dN4", providerID},
		{"group-2vLw", groupID},
		{"pool-x4Kq", poolID},
		{"pool-9dRm", otherPoolID},
		{"u-7rk2pd", userID},
		{"1204417", userNumber},
		{"mara.lindqvist@example.com", userMail},
		{"192.0.2.41", userIP},
		{"2001:db8:41::7", userIP6},
		{"u-9wm4xt", otherUserID},
		{"tomas.okafor@example.com", otherUserMail},
		{"sa-5kv8nq", accountID},
		{"2310906", accountNumber},
		{"QX7LKD2NVB4RTZ6M", accountKey},
		{"198.51.100.86", accountIP},
		{"billing-export-7", accountClient},
		{"ZT4HMB9XKE7VWR2P", freshKey},
		{"203.0.113.199", strangerIP},
		{"freight.orders.v1", topicName},
		{"freight.invoices.v2", otherTopicName},
		{"invoice-builder", consumerGroup},
	}
}

// freshIDs matches the ids of resources that an event creates: a digit comes
// first, as in lkc-9r3yxk. Names of the cast are looked for before.
const freshIDs = `\b[a-z]{1,6}-[0-9][0-9A-Za-z]{4,5}\b`

// requestPaths lists where ids of requests and connections, correlation
// numbers and ports stand; the form of the new value is that of the old.
func requestPaths() []string {
	return []string{
		"data.request.correlationId",
		"data.request.correlation_id",
		"data.requestMetadata.requestId.0",
		"data.requestMetadata.request_id",
		"data.requestMetadata.connectionId",
		"data.requestMetadata.connection_id",
		"data.requestMetadata.correlationId",
		"data.authorizationInfo.requestMetadata.requestId.0",
		"data.request_metadata.request_id.0",
		"data.clientAddress.0.port",
		"data.requestMetadata.clientAddress.0.port",
	}
}
