package fact

// NoPolicy is the [Fact.Policy] of a request that no policy governs: it keeps
// its session alive and is not judged.
const NoPolicy = 255

// MaxPolicies is the largest number of policies.
const MaxPolicies = 64
