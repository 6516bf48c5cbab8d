using Npgsql;
using Pampa.Storage;
using Pampa.Tests.Fixtures;

namespace Pampa.Tests.Life;

/// <summary>Each mode of encryption, with a certificate that is right and with those that are not.</summary>
[Collection(OwnServer.Name)]
public sealed class TlsTests(GuardedServer server)
{
    private string Escaped(string file) => Uri.EscapeDataString(server.Within(file));

    // $ca and the like stand for files.
    private string Filled(string parameters) => parameters.Replace("$ca", Escaped("ca.crt"), StringComparison.Ordinal)
        .Replace("$other", Escaped("other.crt"), StringComparison.Ordinal).Replace("$none", Escaped("none.crt"), StringComparison.Ordinal)
        .Replace("$cert", Escaped($"{GuardedServer.Certified}.crt"), StringComparison.Ordinal).Replace("$key", Escaped($"{GuardedServer.Certified}.key"), StringComparison.Ordinal);

    private static async Task<string> SessionAsync(string address)
    {
        var parsed = DatabaseAddress.Parse(address);
        await using var source = parsed.Dialect.Open(parsed.ConnectionString, "pampa/test", 1);
        await using var command = source.CreateCommand(
            "SELECT ssl || ' ' || current_setting('application_name') || ' ' || current_setting('search_path') FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
        return (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    [Theory]
    [InlineData(GuardedServer.Open, "127.0.0.1", "sslmode=disable", "false")]
    [InlineData(GuardedServer.Open, "127.0.0.1", "sslmode=prefer", "false")]
    [InlineData(GuardedServer.Shop, "127.0.0.1", "sslmode=prefer", "true")]
    [InlineData(GuardedServer.Shop, "127.0.0.1", "sslmode=require", "true")]
    [InlineData(GuardedServer.Shop, "127.0.0.1", "sslmode=require&sslrootcert=$ca", "true")]
    [InlineData(GuardedServer.Shop, "127.0.0.1", "sslmode=verify-ca&sslrootcert=$ca", "true")]
    [InlineData(GuardedServer.Shop, "localhost", "sslmode=verify-full&sslrootcert=$ca", "true")]
    [InlineData(GuardedServer.Certified, "localhost", "sslmode=verify-full&sslrootcert=$ca&sslcert=$cert&sslkey=$key", "true")]
    public async Task A_connection_is_encrypted_as_the_address_says(string role, string host, string parameters, string expected) =>
        Assert.Equal($"{expected} pampa/test shop", await SessionAsync(server.Url(role, "postgres", host, $"{Filled(parameters)}&options=--search_path%3Dshop")));

    [Fact]
    public async Task The_same_is_said_as_a_connection_string()
    {
        var text = $"Host=localhost;Port={server.Server.Port};Database=postgres;Username=shop;SSL Mode=VerifyFull;Root Certificate={server.Within("ca.crt")};Options=-c search_path=shop;Application Name=mine";
        Assert.Equal("true mine shop", await SessionAsync(text));
    }

    [Theory]
    [InlineData(GuardedServer.Shop, "127.0.0.1", "sslmode=verify-full&sslrootcert=$ca",
        "the certificate is made out to 'localhost', and sslmode=verify-full expects '127.0.0.1', by which the server is reached. Use a name that stands in the certificate")]
    [InlineData(GuardedServer.Shop, "localhost", "sslmode=verify-ca&sslrootcert=$other",
        "the certificate of localhost is issued by 'CN=Pampa test authority', and sslrootcert $other holds 'CN=Pampa other authority'. Give the certificate of its authority with sslrootcert=FILE.")]
    [InlineData(GuardedServer.Shop, "localhost", "sslmode=require&sslrootcert=$other", "is issued by 'CN=Pampa test authority', and sslrootcert $other holds")]
    [InlineData(GuardedServer.Shop, "localhost", "sslmode=verify-full", "is issued by 'CN=Pampa test authority', and no authority that this computer trusts vouches for it. Give the certificate")]
    [InlineData(GuardedServer.Shop, "localhost", "sslmode=verify-full&sslrootcert=$none", "none.crt")]
    [InlineData(GuardedServer.Shop, "127.0.0.1", "sslmode=disable", "no encryption. The server's pg_hba.conf lets this user in with TLS only, if at all: add sslmode=verify-full")]
    [InlineData(GuardedServer.Certified, "127.0.0.1", "sslmode=require", "certificate. The server wants a certificate of this user: give sslcert=FILE and sslkey=FILE")]
    public async Task A_server_that_is_not_the_expected_one_is_refused_and_it_is_said_why(string role, string host, string parameters, string expected)
    {
        var error = await ReadOnlyTests.RefusedAsync(server.Url(role, "postgres", host, Filled(parameters)));
        Assert.StartsWith($"Cannot connect to the database (PostgreSQL, host {host}, ", error, StringComparison.Ordinal);
        Assert.Contains(expected.Replace("$other", server.Within("other.crt"), StringComparison.Ordinal), error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_speak_TLS_is_told_of()
    {
        var plain = new NpgsqlConnectionStringBuilder((await PostgresCluster.GetAsync()).ConnectionString);
        if (plain.SslMode > SslMode.Prefer) Assert.Skip("The tests' server speaks TLS.");
        var error = await ReadOnlyTests.RefusedAsync($"postgres://{plain.Username}@{plain.Host}:{plain.Port}/postgres?sslmode=verify-full");
        Assert.Contains("The server does not speak TLS, and sslmode asks for it. Set ssl = on there", error, StringComparison.Ordinal);
    }
}
