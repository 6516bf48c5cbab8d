using Pampa.Chaos.Wire;

namespace Pampa.Tests.Units;

/// <summary>The emulation of CockroachDB: what it refuses, and what it must not.</summary>
public sealed class CockroachLintTests
{
    [Theory]
    [InlineData("LISTEN x", "LISTEN and NOTIFY")]
    [InlineData("SELECT pg_notify('a', 'b')", "pg_notify")]
    [InlineData("SELECT pg_try_advisory_lock(1)", "advisory")]
    [InlineData("SELECT 1 FROM t FOR UPDATE SKIP LOCKED", "SKIP LOCKED")]
    [InlineData("SELECT ctid FROM t", "ctid")]
    [InlineData("SELECT now() + make_interval(secs => 1)", "make_interval")]
    [InlineData("SELECT isfinite(now())", "isfinite")]
    [InlineData("SELECT (i.indkey::int2[])[0:i.n - 1] FROM i", "slices")]
    [InlineData("DECLARE c CURSOR FOR SELECT 1", "DECLARE")]
    [InlineData("COPY t FROM STDIN", "COPY")]
    [InlineData("SELECT set_config('jit', 'off', true)", "jit")]
    [InlineData("SET LOCAL enable_sort = off", "enable_sort")]
    [InlineData("WITH a AS (UPDATE \"My T\" SET x = 1 RETURNING x) UPDATE \"My T\" SET y = 2", "once only")]
    [InlineData("WITH a AS (DELETE FROM t RETURNING x) INSERT INTO t SELECT x FROM a", "once only")]
    [InlineData("CREATE TRIGGER a AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION f()", "whole statement")]
    public void What_CockroachDB_has_not_is_refused(string text, string why) =>
        Assert.Contains(why, CockroachLint.Refusal(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("SELECT 'LISTEN', 'ctid', $$SKIP LOCKED$$, \"xmin\" FROM t -- NOTIFY\n WHERE /* isfinite( */ a[1] = 2")]
    [InlineData("SELECT (@d::float8[])[c.n], a[b::int] FROM t")]
    [InlineData("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1")]
    [InlineData("WITH a AS (UPDATE t SET x = 1 RETURNING x) INSERT INTO u SELECT x FROM a")]
    [InlineData("SELECT set_config('lock_timeout', '200ms', true), set_config('statement_timeout', '30s', true)")]
    [InlineData("UPDATE \"t\" AS t SET \"start;--\" = now() FROM v WHERE t.a = v.a RETURNING \"select\"")]
    [InlineData("CREATE TRIGGER a BEFORE INSERT OR UPDATE OF x ON t FOR EACH ROW EXECUTE FUNCTION f()")]
    public void What_it_has_is_not(string text) => Assert.Null(CockroachLint.Refusal(text));

    [Fact]
    public void What_it_writes_in_its_own_manner_is_translated()
    {
        Assert.Equal("CREATE INDEX a ON t (\"id\") WHERE x IS NULL", CockroachLint.Translated("CREATE INDEX a ON t (\"id\") USING HASH WHERE x IS NULL"));
        Assert.Equal("ALTER TABLE t ADD COLUMN n bigint", CockroachLint.Translated("ALTER TABLE t ADD COLUMN n integer"));
        Assert.Equal("UPDATE t SET integer = 1", CockroachLint.Translated("UPDATE t SET integer = 1"));
        Assert.Equal("DROP DATABASE IF EXISTS t WITH (FORCE)", CockroachLint.Translated("DROP DATABASE IF EXISTS t CASCADE"));
        Assert.Equal("DROP TABLE t CASCADE", CockroachLint.Translated("DROP TABLE t CASCADE"));
        Assert.StartsWith("SELECT 'CockroachDB", CockroachLint.Translated("SELECT version()"), StringComparison.Ordinal);
    }
}
