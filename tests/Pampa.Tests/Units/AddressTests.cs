using Npgsql;
using Pampa.Storage;

namespace Pampa.Tests.Units;

public sealed class AddressTests
{
    [Theory]
    [InlineData("orders", null, "orders", false)]
    [InlineData("shop.orders", "shop", "orders", false)]
    [InlineData("\"My Schema\".\"Order\"", "My Schema", "Order", true)]
    [InlineData("\"a.b\"", null, "a.b", true)]
    [InlineData("\"say \"\"hi\"\"\"", null, "say \"hi\"", true)]
    [InlineData("shop.\"Order\"", "shop", "Order", true)]
    [InlineData("naïve table", null, "naïve table", false)]
    public void A_table_name_is_taken_apart(string text, string? schema, string name, bool quoted) =>
        Assert.Equal(new TableName(schema, name, quoted), TableName.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("a.")]
    [InlineData(".a")]
    [InlineData("a.b.c")]
    [InlineData("\"open")]
    [InlineData("\"a\"b")]
    [InlineData("\"\"")]
    public void A_name_that_is_none_is_refused(string text) => Assert.Null(TableName.Parse(text));

    [Theory]
    [InlineData("postgres://ada:p%40ss%3Aw%2F@db.example:6543/my%20base", "db.example", 6543, "my base", "ada", "p@ss:w/")]
    [InlineData("postgresql://ada@db/base", "db", 5432, "base", "ada", null)]
    [InlineData("POSTGRES://ada:a:b@db/base", "db", 5432, "base", "ada", "a:b")]
    [InlineData("postgres://[::1]:5433/base", "::1", 5433, "base", null, null)]
    [InlineData("  postgres:///base  ", "localhost", 5432, "base", null, null)]
    [InlineData("cockroachdb://root@node1:26257/defaultdb", "node1", 26257, "defaultdb", "root", null)]
    [InlineData("Host=db;Port=7;Database=base;Username=ada;Password=x", "db", 7, "base", "ada", "x")]
    public void A_server_is_found_by_its_address(string text, string host, int port, string database, string? user, string? password)
    {
        var address = DatabaseAddress.Parse(text);
        var settings = new NpgsqlConnectionStringBuilder(address.ConnectionString);
        Assert.Equal((host, port, database, user, password), (settings.Host, settings.Port, settings.Database, settings.Username, settings.Password));
        Assert.Equal(text.StartsWith("cockroach", StringComparison.Ordinal), address.Dialect is CockroachDbDialect);
    }

    [Fact]
    public void The_parameters_that_libpq_knows_are_understood()
    {
        var settings = new NpgsqlConnectionStringBuilder(DatabaseAddress.Parse(
            "postgres://ada@db/base?sslmode=verify-full&sslrootcert=%2Fetc%2Fca%20file.pem&connect_timeout=7&application_name=a%26b&Pooling=false&require_auth=!password,!md5").ConnectionString);
        Assert.Equal((SslMode.VerifyFull, "/etc/ca file.pem", 7, "a&b", false, "!Password,!MD5"),
            (settings.SslMode, settings.RootCertificate, settings.Timeout, settings.ApplicationName, settings.Pooling, settings.RequireAuth));
        Assert.Throws<FormatException>(() => DatabaseAddress.Parse("postgres://ada@db/base?require_auth=hope"));
    }

    [Theory]
    [InlineData("postgresql://ada:p%40ss@free.cloud:26257/defaultdb?sslmode=verify-full&options=--cluster%3Dshop-12", "--cluster=shop-12", SslMode.VerifyFull, null)]
    [InlineData("postgresql://ada@free.cloud:26257/shop-12.defaultdb?options=--cluster=a=b&sslmode=verify-full&sslrootcert=system", "--cluster=a=b", SslMode.VerifyFull, null)]
    [InlineData("cockroachdb://ada@node1:26257/base?options=-c%20search_path%3Dshop%20-c%20lock_timeout%3D1s&sslmode=require&sslrootcert=ca.crt&sslsni=1", "-c search_path=shop -c lock_timeout=1s", SslMode.VerifyCA, "ca.crt")]
    public void The_addresses_of_CockroachDB_and_its_cloud_are_understood(string text, string options, SslMode mode, string? root)
    {
        var settings = new NpgsqlConnectionStringBuilder(DatabaseAddress.Parse(text).ConnectionString);
        Assert.Equal((options, mode, root, 26257), (settings.Options, settings.SslMode, settings.RootCertificate, settings.Port));
    }

    [Theory]
    [InlineData("postgresql://ada:p%40ss@node1:26257,node2:26258,node3/base", "node1:26257,node2:26258,node3")]
    [InlineData("cockroachdb://node1,node2", "node1,node2")]
    public void Several_servers_of_one_cluster_are_understood(string text, string hosts) =>
        Assert.Equal(hosts, new NpgsqlConnectionStringBuilder(DatabaseAddress.Parse(text).ConnectionString).Host);

    [Theory]
    [InlineData("sqlite:numbers.db", "numbers.db")]
    [InlineData("sqlite:///var/lib/numbers.db", "/var/lib/numbers.db")]
    [InlineData("numbers.db", "numbers.db")]
    [InlineData("/var/lib/my numbers.db", "/var/lib/my numbers.db")]
    [InlineData("Data Source=numbers.db", "numbers.db")]
    public void A_file_is_a_SQLite_database(string text, string file)
    {
        var address = DatabaseAddress.Parse(text);
        Assert.IsType<SqliteDialect>(address.Dialect);
        Assert.Equal(file, new Microsoft.Data.Sqlite.SqliteConnectionStringBuilder(address.ConnectionString).DataSource);
        Assert.Equal($"SQLite, file {file}", address.Description);
    }

    [Theory]
    [InlineData("mysql://ada:s3cret@db/base")]
    [InlineData("postgres://ada:s3cret@db:port/base")]
    [InlineData("postgres://ada:s3cret@db/base?nonsense=s3cret")]
    [InlineData("postgres://ada:s3cret@db/base?sslmode=s3cret")]
    [InlineData("postgres://ada:s3cret@db/base?connect_timeout=s3cret")]
    [InlineData("postgres://ada:s3cret@one,two,/base")]
    [InlineData("postgres://ada:s3cret@one:x,two/base")]
    [InlineData("Host=db;Passwort=s3cret")]
    [InlineData("Host=db;Port=s3cret")]
    [InlineData("ada:s3cret@db/base")]
    [InlineData("password=s3cret")]
    [InlineData("Data Source=x;Mode=s3cret")]
    [InlineData("")]
    public void An_address_that_is_none_is_refused_without_showing_a_password(string text)
    {
        var refused = Assert.Throws<FormatException>(() => DatabaseAddress.Parse(text));
        Assert.DoesNotContain("s3cret", refused.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_description_shows_no_password() =>
        Assert.Equal("PostgreSQL, host db, port 5432, database base, user ada", DatabaseAddress.Parse("postgres://ada:s3cret@db/base").Description);

    [Theory]
    [InlineData("postgres://ada:s3cret@db/base", true)]
    [InlineData("postgres://ada@db/base", false)]
    [InlineData("postgres://ada@db/base?password=s3cret", true)]
    [InlineData("Host=db;Password=s3cret", true)]
    [InlineData("Host=db;PWD = s3cret", true)]
    [InlineData("postgres://ada:s3cret@db:port/base", true)]
    [InlineData("numbers.db", false)]
    [InlineData("/srv/password/numbers.db", false)]
    public void An_address_with_a_password_is_known(string text, bool has) => Assert.Equal(has, DatabaseAddress.HasPassword(text));
}
