namespace Pampa.Chaos.Work;

/// <summary>Which database, and in which manner.</summary>
internal enum Profile
{
    Sqlite,

    /// <summary>PostgreSQL behind a proxy that loses, delays and forges.</summary>
    Pg,

    /// <summary>
    /// PostgreSQL as if it were CockroachDB: serializable, nothing skipped, few rows a statement, a hostile composite
    /// key and a role that may do only what it must.
    /// </summary>
    Portable,
}
